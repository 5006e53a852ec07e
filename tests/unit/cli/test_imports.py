"""What a command loads: `hew --version` nearly nothing, `hew check` nothing that makes or runs code."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("llvmlite", "fastapi", "uvicorn", "pydantic", "msgspec", "google.protobuf", "argparse", "asyncio")


def loaded_after(*arguments: str) -> set[str]:
    """Names of the modules that `hew ARGUMENTS` has loaded when it ends."""
    program = (
        "import sys; from hew.cli import main; main(sys.argv[1:]);"
        "print('LOADED', *sorted(sys.modules), file=sys.__stdout__)"
    )
    ran = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)
    return set(ran.stdout.rpartition("LOADED")[2].split())


def test_version_loads_nothing_but_the_command_line() -> None:
    ours = {name for name in loaded_after("--version") if name.partition(".")[0] == "hew"}
    assert ours == {"hew", "hew.cli", "hew.cli.streams", "hew.cli.version"}


def test_a_file_that_is_not_there_costs_no_compiler() -> None:
    loaded = loaded_after("check", "/nowhere/x.hew")
    assert not loaded & set(HEAVY)
    assert "hew.compiler" not in loaded


def test_check_loads_no_code_generator_scheduler_or_profiler(tmp_path: Path) -> None:
    path = tmp_path / "a.hew"
    path.write_text("fn main() {\n}\n")
    loaded = loaded_after("check", str(path))
    assert "hew.compiler.check" in loaded
    unwanted = {name for name in loaded if name.startswith(("hew.compiler.codegen", "hew.scheduler", "hew.profiler"))}
    assert not unwanted | loaded & set(HEAVY)
