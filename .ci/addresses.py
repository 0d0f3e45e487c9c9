"""Fails when a committed file names a package registry: what is installed comes from the machine's own settings.

A lock file or a script that names a host would tie every user to it, past their mirror and their proxy.
"""

import re
import subprocess
import sys
from pathlib import Path

REGISTRIES = re.compile(
    r"pyp[i][.]org|pythonhoste[d][.]org|npmj[s][.](?:org|com)|yarnpk[g][.]com|debia[n][.]org|proxy[.]golan[g][.]org"
    r"|(?:^|\s)--?(?:extra-)?index-url[= ]\S|find-links[= ]\S",
    re.IGNORECASE | re.MULTILINE,
)


def named(path: Path) -> list[str]:
    """Where the file names a registry, as `path:line: text`; nothing for a binary file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    return [f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {m.group().strip()}" for m in REGISTRIES.finditer(text)]


def main() -> int:
    """Look through every file that git knows; 1 when one of them names a registry."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout  # noqa: S607
    paths = [Path(name) for name in listed.split("\0") if name and Path(name).is_file()]
    found = [place for path in paths for place in named(path)]
    print("\n".join(found) if found else f"no registry is named in {len(paths)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
