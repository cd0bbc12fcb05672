#!/usr/bin/env python3
"""What the files for containers promise, and no schema demands.

  - every container runs as a user without rights, with a root that is read-only, no capabilities and no token of the API
  - servers have both probes, on the admin port
  - a CronJob never runs twice at once, and its Job's attempts are limited
  - each StatefulSet has a PodDisruptionBudget that selects its pods
  - a kustomization names the files beside it, all of them, and a volume claim that is mentioned is one that is made
  - the Dockerfile has stages, and the last one a user other than root

usage: containers.py DEPLOY_FOLDER       exit status 1 when one is broken
"""
import os
import re
import sys

try:
    import yaml
except ImportError:
    yaml = None

ADMIN = re.compile(r"http://127\.0\.0\.1:7732/(livez|readyz)$")


def pod_of(resource):
    spec = resource["spec"]
    if resource["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def faults_of_pod(template):
    pod = template["spec"]
    user = pod.get("securityContext", {})
    if user.get("runAsNonRoot") is not True or not user.get("runAsUser"):
        yield "the pod may run as root"
    if user.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "the pod gets a token of the API"
    for container in pod["containers"]:
        limits = container.get("securityContext", {})
        if limits.get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']}: its root can be written"
        if limits.get("allowPrivilegeEscalation") is not False:
            yield f"{container['name']}: it may gain privileges"
        if limits.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{container['name']}: it has capabilities"
        if "requests" not in container.get("resources", {}):
            yield f"{container['name']}: it requests no resources"
        if any("harrierd" in word for word in container.get("args", [])[:1]):
            for probe, page in (("livenessProbe", "livez"), ("readinessProbe", "readyz")):
                command = container.get(probe, {}).get("exec", {}).get("command", [""])
                found = ADMIN.match(command[-1])
                if not found or found[1] != page:
                    yield f"{container['name']}: {probe} does not ask for /{page} on the admin port"


def faults_of_cron(resource):
    spec = resource["spec"]
    if spec.get("concurrencyPolicy") != "Forbid":
        yield "two nights may run at once"
    if "startingDeadlineSeconds" not in spec:
        yield "a night that misses its minute is not run at all, or run at any time"
    if "backoffLimit" not in spec["jobTemplate"]["spec"]:
        yield "there is no limit on attempts"


def faults_of_folder(folder, resources):
    """Of the resources of one kustomization: (file, resource)."""
    budgets = [r["spec"]["selector"]["matchLabels"] for _, r in resources if r["kind"] == "PodDisruptionBudget"]
    sets = [r for _, r in resources if r["kind"] == "StatefulSet"]
    claims = {f"{claim['metadata']['name']}-{r['metadata']['name']}-{i}"
              for r in sets for claim in r["spec"].get("volumeClaimTemplates", []) for i in range(r["spec"]["replicas"])}
    for name, resource in resources:
        kind = resource["kind"]
        if kind in ("StatefulSet", "CronJob"):
            for fault in faults_of_pod(pod_of(resource)):
                yield f"{name}: {fault}"
            for volume in pod_of(resource)["spec"].get("volumes", []):
                claim = volume.get("persistentVolumeClaim", {}).get("claimName")
                if claim and claim not in claims:
                    yield f"{name}: nothing makes the claim {claim}"
        if kind == "CronJob":
            for fault in faults_of_cron(resource):
                yield f"{name}: {fault}"
        if kind == "StatefulSet":
            labels = resource["spec"]["template"]["metadata"]["labels"]
            if not any(budget.items() <= labels.items() for budget in budgets):
                yield f"{name}: no PodDisruptionBudget selects its pods"
        if kind == "Service":
            if not any(resource["spec"]["selector"].items() <= r["spec"]["template"]["metadata"]["labels"].items()
                       for r in sets):
                yield f"{name}: it selects no pods"
    with open(os.path.join(folder, "kustomization.yaml"), encoding="utf-8") as file:
        named = set(yaml.safe_load(file)["resources"])
    there = {os.path.basename(name) for name, _ in resources}
    if named != there:
        yield f"{folder}/kustomization.yaml: names {sorted(named)}; there are {sorted(there)}"


def faults_of_compose(name, compose):
    for service, given in compose["services"].items():
        if not str(given.get("image", "")).startswith("harrier:"):
            continue
        for port in given.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: {service} publishes {port} beyond loopback"
        if os.path.basename(name) == "single.yaml" and (
                given.get("read_only") is not True or given.get("cap_drop") != ["ALL"]):
            yield f"{name}: {service} has a root that can be written, or capabilities"


def faults_of_dockerfile(text):
    stages = re.findall(r"^FROM (\S+)", text, flags=re.M)
    users = re.findall(r"^USER (\S+)", text.rpartition("\nFROM ")[2], flags=re.M)
    if len(stages) < 2:
        yield "Dockerfile: it has a single stage"
    if not users or users[-1].split(":")[0] in ("root", "0"):
        yield "Dockerfile: the last stage runs as root"


def check(root):
    faults = []
    with open(os.path.join(root, "Dockerfile"), encoding="utf-8") as file:
        faults += faults_of_dockerfile(file.read())
    if not yaml:
        print("skipped, python3-yaml is not installed: rules of Compose and Kubernetes")
        return faults
    for name in sorted(os.listdir(os.path.join(root, "compose"))):
        path = os.path.join(root, "compose", name)
        with open(path, encoding="utf-8") as file:
            faults += faults_of_compose(os.path.relpath(path, root), yaml.safe_load(file))
    for folder, _, names in os.walk(os.path.join(root, "kubernetes")):
        resources = []
        for name in sorted(names):
            if name == "kustomization.yaml":
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                resources += [(os.path.relpath(path, root), one) for one in yaml.safe_load_all(file)]
        faults += faults_of_folder(folder, resources)
    return faults


if __name__ == "__main__":
    FAULTS = check(os.path.abspath(sys.argv[1]))
    print("\n".join(FAULTS) or "the files for containers keep their promises")
    sys.exit(1 if FAULTS else 0)
