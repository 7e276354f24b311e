import sys
from pathlib import Path

from devices.registry_files import write_directory
from simulators.district.making import make_district

if len(sys.argv) != 2:
    sys.exit("usage: python -m simulators.district OUT_DIR")
for file, rows in write_directory(make_district(), Path(sys.argv[1])).items():
    sys.stdout.write(f"{file}: {rows}\n")
