import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))  # where the tests' harness is

from soak.run import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
