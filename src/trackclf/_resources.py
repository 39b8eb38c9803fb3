"""Where the shipped files live: the only module that knows."""

import json
from pathlib import Path

from trackclf.errors import TrackclfError

_PACKAGE = Path(__file__).resolve().parent


def taxonomy_dir() -> Path:
    """The shipped taxonomy: inside an installed package, or at the top of a source tree."""
    installed = _PACKAGE / "taxonomy"
    return installed if installed.is_dir() else _PACKAGE.parent.parent / "taxonomy"


def folders() -> list[Path]:
    """All folders whose files decide a tag, but for the model's."""
    taxonomy = taxonomy_dir()
    return [_PACKAGE, _PACKAGE / "data", *(taxonomy / name for name in ("", "tracks", "candidates", "modes"))]


def character_map() -> tuple[str, str]:
    """Two strings of equal length: characters to fold, and what each becomes."""
    path = _PACKAGE / "data" / "characters.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return data["from"], data["to"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackclfError(f"{path} is missing or damaged, reinstall trackclf: {error}") from error


def model_dir() -> Path:
    """The shipped model: what `trackclf train` wrote."""
    return _PACKAGE / "model"


def skeleton_dir(lang: str) -> Path:
    """A small taxonomy with comments in one language, for `trackclf taxonomy new`."""
    return _PACKAGE / "data" / "skeleton" / lang
