"""Gemma 3 on one H100 GPU, its download, and an autoscaler, for `cdk8s synth`."""

import ira_manifests as ira
from cdk8s import App, Chart
from constructs import Construct

BUCKET = "acme-dev-ira-model"


class Inference(Chart):
    """A model, copied to the bucket by a Job and served by vLLM."""

    def __init__(self, scope: Construct, id: str, *, model_id: str, gpu: str) -> None:
        super().__init__(scope, id, namespace="llm")
        self.server = ira.VllmDeployment(
            self, "server", model_id=model_id, gpu=gpu, max_model_len=65536, bucket=BUCKET
        )
        ira.ModelDownloadJob(
            self, "download", platform=self.server.cell.platform, bucket=BUCKET, model_id=model_id
        )
        ira.Autoscaling(self, "autoscaling", workload=self.server, max=2)


if __name__ == "__main__":
    app = App()
    Inference(app, "inference", model_id="google/gemma-3-27b-it", gpu="h100")
    app.synth()
