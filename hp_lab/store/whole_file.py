"""Files that are complete or as they were before."""

from pathlib import Path

from hp_lab.errors import JournalError


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file, its folders too where they are missing, and return its path.

    Text is written as UTF-8.

    Raises:
        JournalError: The file cannot be written; it is as it was before.
    """
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(path.name + ".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); choose another path"
        raise JournalError(msg) from error
    return path
