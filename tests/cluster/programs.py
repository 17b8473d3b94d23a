"""The command line of each program of the control plane: functions from a Site to its argv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ADMIN = "admin"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
STAGES = Path(__file__).with_name("stages.yaml")


@dataclass(frozen=True)
class Site:
    """The place of one control plane: its programs, its folder, its ports on 127.0.0.1."""

    programs: Path
    folder: Path
    etcd_port: int
    peer_port: int
    api_port: int

    @property
    def server(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def certificates(self) -> Path:
        """The folder that `write_certificates` fills."""
        return self.folder / "certificates"

    @property
    def tokens(self) -> Path:
        """The static token file of the API server."""
        return self.folder / "tokens.csv"

    @property
    def scheduler_config(self) -> Path:
        """The configuration file of the scheduler."""
        return self.folder / "scheduler.yaml"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one of the users in `tokens`."""
        return self.folder / f"{user}.kubeconfig"


def etcd(site: Site) -> list[str]:
    """One member, without flushes to disk, because its data is deleted at the end."""
    clients = f"http://127.0.0.1:{site.etcd_port}"
    peers = f"http://127.0.0.1:{site.peer_port}"
    return [
        str(site.programs / "etcd"),
        f"--data-dir={site.folder / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--socket-reuse-port=true",
        "--unsafe-no-fsync=true",
        "--log-level=warn",
    ]


def kube_apiserver(site: Site) -> list[str]:
    """Default admission plugins and feature gates; privileged containers allowed, as on GKE."""
    keys = site.certificates
    return [
        str(site.programs / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{site.etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={site.api_port}",
        "--permit-port-sharing=true",
        # There is no `kubernetes` Service to look after: its endpoint may not be a loopback one.
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={keys / 'server.crt'}",
        f"--tls-private-key-file={keys / 'server.key'}",
        f"--token-auth-file={site.tokens}",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys / 'service-accounts.key'}",
        f"--service-account-signing-key-file={keys / 'service-accounts.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def kube_controller_manager(site: Site) -> list[str]:
    """Every controller that runs by default, each with its own service account."""
    keys = site.certificates
    return [
        str(site.programs / "kube-controller-manager"),
        f"--kubeconfig={site.kubeconfig(CONTROLLER_MANAGER)}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={keys / 'service-accounts.key'}",
        f"--root-ca-file={keys / 'ca.crt'}",
        "--node-monitor-period=1s",
        "--pvclaimbinder-sync-period=1s",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]


def kube_scheduler(site: Site) -> list[str]:
    """The default profile; only the waiting time of Pods that did not fit is shorter."""
    return [
        str(site.programs / "kube-scheduler"),
        f"--config={site.scheduler_config}",
        "--secure-port=0",
    ]


def kwok(site: Site) -> list[str]:
    """The kubelet of every node."""
    return [
        str(site.programs / "kwok"),
        f"--kubeconfig={site.kubeconfig(ADMIN)}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
        # Without a Lease, a node counts as unreachable after 50 seconds.
        "--node-lease-duration-seconds=40",
        "--cidr=10.64.0.1/16",
    ]


def scheduler_config(site: Site) -> dict[str, object]:
    """What `kube_scheduler` reads from `scheduler_config`."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(site.kubeconfig(SCHEDULER)),
            "qps": 200,
            "burst": 400,
        },
        "leaderElection": {"leaderElect": False},
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 1,
    }


def kubeconfig(site: Site, token: str) -> dict[str, object]:
    """A kubeconfig with one cluster, one user and one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "test",
                "cluster": {
                    "server": site.server,
                    "certificate-authority": str(site.certificates / "ca.crt"),
                },
            }
        ],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
