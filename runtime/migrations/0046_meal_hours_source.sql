-- The basis of what meal hours begin with, in the officers' language like that of deadlines. Older code survives it.

UPDATE meal_hours SET source = '设计值，未找到实测依据'
 WHERE source = 'design value; no measured source was found' AND set_by = 'fleetfume';
