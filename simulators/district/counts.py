"""How many of each, as the bureau counts them, and from when to when they hold."""

from datetime import date

CONSTRUCTION_COMPANIES, DECORATION_COMPANIES = 34, 15
CONSTRUCTION_VEHICLES, DECORATION_VEHICLES = 520, 166
PERMITS, OUTLETS = 36, 659
VALID_FROM, VALID_TO = date(2024, 1, 1), date(2035, 12, 31)
"""So wide that the sample can be played on any day."""

NAME_PARTS = ("恒顺", "泰达", "鸿运", "齐鲁", "明泉", "绣江", "长城", "龙翔", "金桥", "鑫源", "广汇", "宏图", "瑞丰",
               "永固", "百脉", "锦屏", "胡山", "济东", "通达", "华宇", "盛世", "东方", "众诚", "天成", "顺通", "安泰",
               "鲁中", "山青", "大地", "建兴", "万里", "联发", "福泰", "正阳", "同心", "嘉和", "美居", "新居", "雅筑",
               "宜家园", "绿净", "洁城", "快运", "安居", "惠民", "乐装", "日新", "和顺", "佳美")  # fmt: skip
"""What firms and restaurants are called."""
