"""tools/check_layers.py sees what it is there to see."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"


def check(root, files: dict) -> subprocess.CompletedProcess:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "cli").mkdir(exist_ok=True)
    return subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True, check=False, timeout=30)


def test_downward_and_own_includes_are_fine(tmp_path):
    outcome = check(tmp_path, {"src/registry/a.h": '#include "base/result.h"\n#include "registry/b.h"\n#include "blobs/c.h"\n',
                               "src/services/ecr/a.cc": '#include "aws/door.h"\n#include "services/ecr/b.h"\n#include <vector>\n',
                               "src/metadata/sql/a.cc": "#include <sqlite3.h>\n",
                               "src/http/a.cc": "#include <boost/asio/ip/tcp.hpp>\n"})
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("path, line, words", [
    ("src/base/a.h", '#include "http/request.h"', "base may not use http"),
    ("src/access/a.cc", '#include "keys/key.h"', "access may not use keys"),
    ("src/services/ecr/a.cc", '#include "services/sts/a.h"', "services/ecr may not use services/sts"),
    ("src/oci/a.cc", '#include "services/ecr/a.h"', "oci may not use services/ecr"),
    ("src/sigv4/a.cc", '#include "http/request.h"', "sigv4 may not use http"),
    ("src/server/a.cc", '#include "cli/commands.h"', "server may not use cli"),
    ("src/utils/a.cc", "int a;", "no folder of the house"),
    ("src/base/a.cc", '#include "utils/a.h"', "no folder of the house"),
    ("src/oci/a.cc", "#include <boost/asio.hpp>", "left to src/http"),
    ("src/registry/a.cc", "#include <sqlite3.h>", "left to src/metadata/sql"),
    ("src/registry/a.cc", "void f() { throw 1; }", "uses throw"),
    ("src/registry/a.cc", "try { f(); } catch (...) { }", "uses catch"),
])
def test_violations_are_named(path, line, words, tmp_path):
    outcome = check(tmp_path, {path: line + "\n"})
    assert outcome.returncode == 1
    assert path in outcome.stdout and words in outcome.stdout


def test_words_in_comments_and_text_are_no_exceptions(tmp_path):
    outcome = check(tmp_path, {"src/base/a.cc": '// libraries that throw\n/* catch */ const char* a = "catch (x)";\n'
                                                'const char* b = R"(throw x;)"; char c = \'"\'; int catch_all = 1;\n'})
    assert outcome.returncode == 0, outcome.stdout
