"""Files of molecules that may be proposed."""

from pathlib import Path

from hp_lab.errors import InvalidInput
from hp_lab.planner.molecules import parse
from hp_lab.planner.table import read_table

# The kernel of a molecule has an entry for every two of them.
MOST = 1000


def read_molecules(path: Path) -> dict[str, str]:
    """Return label and SMILES of the molecules in a file.

    A CSV has a column ``smiles`` and perhaps one ``name``; another file has a SMILES a
    line, and perhaps a name behind it. A molecule without a name is called by its
    SMILES.

    Raises:
        InvalidInput: The file cannot be read, holds no or too many molecules, a SMILES
            is none, or a name is given twice; the message says which.
    """
    pairs = _of_csv(path) if path.suffix.lower() == ".csv" else _of_lines(path)
    if not 1 <= len(pairs) <= MOST:
        msg = (
            f"{path}: has {len(pairs)} molecules, there must be 1 to {MOST}; choose "
            "the most promising ones"
        )
        raise InvalidInput(msg)
    found: dict[str, str] = {}
    for smiles, name in pairs:
        label = name or smiles
        if label in found:
            msg = f"{path}: {label!r} is there twice; names must differ"
            raise InvalidInput(msg)
        try:
            parse(smiles)
        except InvalidInput as error:
            msg = f"{path}: {label}: {error}"
            raise InvalidInput(msg) from error
        found[label] = smiles
    return found


def _of_csv(path: Path) -> list[tuple[str, str]]:
    rows = [{k.lower(): v for k, v in row.items()} for row in read_table(path)]
    if "smiles" not in rows[0]:
        msg = f"{path}: has no column smiles, but {', '.join(rows[0])}"
        raise InvalidInput(msg)
    return [(row["smiles"], row.get("name", "")) for row in rows]


def _of_lines(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read ({error}); give a file of SMILES, one a line"
        raise InvalidInput(msg) from error
    parts = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [(one[0], one[1].strip() if len(one) > 1 else "") for one in parts]
