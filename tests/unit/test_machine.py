"""Control groups, of both versions and nested, as they look on real machines and in containers."""

from pathlib import Path

import pytest

from hew.machine import NO_LIMIT, look

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         100 kB\nMemAvailable:    8000000 kB\n"
AVAILABLE = 8_000_000 * 1024


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_groups_the_machine_is_all_there_is(tmp_path: Path) -> None:
    machine = look(3, lay(tmp_path, {"proc/meminfo": MEMINFO}))
    assert machine == (3, None, AVAILABLE)


def test_without_proc_there_is_no_limit(tmp_path: Path) -> None:
    assert look(3, tmp_path) == (3, None, NO_LIMIT)


def test_version_2_takes_the_least_of_all_groups_above(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/user.slice/job\n",
            "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
            "sys/fs/cgroup/cpu.max": "max 100000\n",
            "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/user.slice/memory.max": "2147483648\n",
            "sys/fs/cgroup/user.slice/job/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/user.slice/job/memory.max": "max\n",
        },
    )
    assert look(8, root) == (8, 1.5, 2147483648)


def test_a_container_of_version_1_sees_its_own_group_as_the_mount(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n",
            "proc/self/mountinfo": (
                "40 30 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
                "41 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
            ),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
        },
    )
    assert look(8, root) == (8, 0.5, 536870912)


def test_version_1_says_none_by_minus_one_and_a_huge_number(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "4:cpu:/\n3:memory:/\n0::/\n",
            "proc/self/mountinfo": (
                "40 30 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                "41 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                "42 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
            ),
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert look(8, root) == (8, None, AVAILABLE)


@pytest.mark.parametrize("group", ["/../../other", "/elsewhere/job"])
def test_a_group_outside_the_mount_falls_back_to_the_mount(tmp_path: Path, group: str) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": f"0::{group}\n",
            "proc/self/mountinfo": "30 24 0:26 /mine /sys/fs/c\\040g rw - cgroup2 cgroup2 rw\n",
            "sys/fs/c g/cpu.max": "200000 100000\n",
        },
    )
    assert look(8, root).cpu_quota == 2.0


def test_broken_files_are_no_limit_and_no_error(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "nonsense\n0::/\n",
            "proc/self/mountinfo": "short\n30 24 0:26 / /cg rw - cgroup2 cgroup2 rw\n",
            "cg/cpu.max": "many few\n",
            "cg/memory.max": "",
        },
    )
    assert look(8, root) == (8, None, AVAILABLE)


def test_this_machine_can_be_read() -> None:
    machine = look(2)
    assert machine.cpus == 2
    assert 0 < machine.memory_bytes < NO_LIMIT
