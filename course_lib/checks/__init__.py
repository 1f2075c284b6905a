"""The checks of the exercises: a line with ✓ for a right answer, for a wrong one what is wrong.

Each module ch<NN>_… holds the checks of one chapter; what it calls check_… can be imported from here.
"""

import importlib
import pkgutil

from course_lib.checks.feedback import NotAttempted, WrongAnswer

__all__ = ["NotAttempted", "WrongAnswer"]
for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    for _name, _check in vars(importlib.import_module(_module.name)).items():
        if _name.startswith("check_"):
            globals()[_name] = _check
            __all__ += [_name]
