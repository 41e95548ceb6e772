"""Where the command finds files that a person did not name."""

import sys
from pathlib import Path

import hp_lab
from hp_lab.errors import InvalidInput


def config_file(given: Path | None, name: str) -> Path:
    """Return the given path, or the configuration file of that name.

    Looked for in ``./config``, beside the package (a source tree), and in the prefix's
    ``share/hp_lab/config`` (an installed package).

    Raises:
        InvalidInput: There is no such file.
    """
    if given is not None:
        if not given.is_file():
            msg = f"{given}: no such file"
            raise InvalidInput(msg)
        return given
    package = Path(hp_lab.__file__).parent
    prefixes = [Path(sys.prefix), *package.parents]
    places = [Path("config"), package.parent / "config"]
    places += [prefix / "share" / "hp_lab" / "config" for prefix in prefixes]
    for place in places:
        if (place / name).is_file():
            return place / name
    msg = f"{name}: not in ./config and not installed with hp_lab; name a file"
    raise InvalidInput(msg)
