"""What `make lab` adds to Jupyter's settings; those in `labconfig/` leave out the teacher's panels and news,
and let sliders wait for a cell that runs: in a thread of their own they would draw while it draws.

JupyterLab writes the kernel's name and the version of Python into a notebook that it opens, and calls it
changed where they are new. Those of the course name nobody's Python, so the server fills them in beforehand.
"""

from ipykernel.ipkernel import IPythonKernel
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class FilledIn(AsyncLargeFileManager):
    """Files, and notebooks with the metadata that this environment's kernel will write into them."""

    async def get(self, path: str, *args: object, **options: object) -> dict:
        model = await super().get(path, *args, **options)
        if model["type"] == "notebook" and model["content"]:
            metadata = model["content"]["metadata"]
            if metadata.get("kernelspec", {}).get("name") == NATIVE_KERNEL_NAME:
                spec = self.parent.kernel_spec_manager.get_kernel_spec(NATIVE_KERNEL_NAME)
                metadata["kernelspec"].update(display_name=spec.display_name, language=spec.language)
                metadata["language_info"] = IPythonKernel.language_info
        return model


c = get_config()  # noqa: F821 - Jupyter puts it there
c.ServerApp.contents_manager_class = FilledIn
