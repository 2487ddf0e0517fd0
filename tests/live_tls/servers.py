"""Real TLS servers and clients of several kinds, as commands in a namespace."""

import subprocess
from pathlib import Path

from .network import CLIENT, PORT, SERVER, Network, needed

NGINX = """\
daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen {address}:{port} ssl; ssl_protocols TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ return 200 "hello"; }}
  }}
}}
"""
Files = tuple[Path, Path]


def openssl(network: Network, files: Files, address: str = SERVER) -> subprocess.Popen[str]:
    """One process, one certificate, TLS 1.3 only."""
    needed("openssl")
    shown = ("-accept", f"{address}:{PORT}", "-cert", files[0], "-key", files[1])
    process = network.start("openssl", "s_server", "-www", "-quiet", "-tls1_3", *shown)
    network.listening(address)
    return process


def nginx(network: Network, files: Files) -> None:
    """The same, of another make."""
    needed("nginx")
    folder = files[0].parent
    settings = {"folder": folder, "address": SERVER, "port": PORT, "certificate": files[0], "key": files[1]}
    (folder / "nginx.conf").write_text(NGINX.format(**settings))
    network.start("nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr")
    network.listening()


def curl(network: Network, *verify: str | Path) -> None:
    """A client on the client's address that verifies nothing unless told to."""
    needed("curl")
    how = verify or ("--insecure",)
    network.run("curl", "--silent", "--output", "/dev/null", "--interface", CLIENT, *how, f"https://{SERVER}:{PORT}/")
