r"""Two models on H100 in one namespace of your own cdk8s app, one of them on queued capacity.

The namespace, the Secret with your token and the PriorityClass that the app names come first:

    kubectl create namespace llm
    kubectl -n llm create secret generic hugging-face-token-secret \
      --from-env-file=hugging-face-token.env
    kubectl create priorityclass high-priority --value=1000
    python examples/inference_app.py > inference.yaml
    kubectl apply -f inference.yaml

The Job copies Gemma to the bucket, where Llama is already. Once it is complete, delete Gemma's
Pod, which has seen the bucket without the model; its Deployment makes it again.
"""

import ira_manifests as ira
from cdk8s import ApiObject, App, Chart, JsonPatch, Yaml

NAMESPACE = "llm"
BUCKET = "acme-dev-ira-model"


def build() -> Chart:
    """Return the chart of the app."""
    # A name for each model, so that they stand side by side.
    matrix = ira.load_matrix(workload_name="vllm-{gpu}-{model}")
    gemma, llama = matrix["h100", "gemma3-27b"], matrix["h100", "llama3"]

    chart = Chart(App(), "inference", namespace=NAMESPACE)
    ira.ModelDownloadJob(
        chart,
        "download",
        platform=matrix.platform,
        bucket=BUCKET,
        model_id=gemma.model.model_id,
    )
    ira.VllmDeployment(chart, "gemma", cell=gemma, bucket=BUCKET)
    queued = ira.VllmDeployment(chart, "llama", cell=llama, bucket=BUCKET)
    ira.ProvisioningRequest(chart, "capacity", workload=queued)

    # Every object is reachable for patches of your own; the request follows its Deployment.
    # The PriorityClass is the cluster's: without it, no Pod of this Deployment is admitted.
    ApiObject.of(queued).add_json_patch(
        JsonPatch.add("/spec/template/spec/priorityClassName", "high-priority")
    )
    return chart


if __name__ == "__main__":
    print(Yaml.stringify(*build().to_json()))
