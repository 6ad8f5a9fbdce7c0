"""Every argus module that a test imports has its annotations, jaxtyping shapes included, checked by beartype."""

from jaxtyping import install_import_hook

install_import_hook("argus", "typecheck.check")
