"""Prometheus as a process on loopback: its configuration, its targets, what it is asked."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

WAIT = int(os.environ.get("HARRIER_WATCHING_WAIT", "300"))  # seconds; only there to catch a hang


class Prometheus:
    """Scrapes and evaluates every second. Targets come from a file, each with a job of its own."""

    def __init__(self, folder, rules, port):
        self.folder, self.port, self.targets, self.lock = folder, port, {}, threading.Lock()
        self.log = os.path.join(folder, "prometheus.log")
        os.makedirs(folder)
        self.write("rules.yaml", rules)
        self.write("targets.json", "[]")
        self.write("prometheus.yaml", f"""\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: harrier
    file_sd_configs: [{{files: [{folder}/targets.json], refresh_interval: 1s}}]
""")
        subprocess.run(["promtool", "check", "config", os.path.join(folder, "prometheus.yaml")], check=True, capture_output=True)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=log, stderr=log)  # fmt: skip
        self.await_("up", self.is_up)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def is_up(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise AssertionError("Prometheus has ended:\n" + log.read())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def await_(self, what, holds):
        deadline = time.monotonic() + WAIT
        while not (value := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(f"never {what}")
            time.sleep(0.2)
        return value

    def watch(self, job, *admin_ports):
        self.targets[job] = [f"127.0.0.1:{port}" for port in admin_ports]
        self.write_targets()

    def write_targets(self):
        with self.lock:
            self.write("targets.json", json.dumps([{"targets": ports, "labels": {"job": name}}
                                                   for name, ports in list(self.targets.items())]))  # fmt: skip

    def forget(self, job):
        """No longer a target: what ends now is no outage. Prometheus takes some seconds to notice."""
        if self.targets.pop(job, None) is not None:
            self.write_targets()
            self.await_(f"{job} is forgotten", lambda: not self.instant(f'up{{job="{job}"}}'))

    def forget_all(self):
        self.targets = {}
        self.write("targets.json", "[]")

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=WAIT) as answer:
            return json.load(answer)["data"]

    def instant(self, expression):
        return self.ask("query", query=expression)["result"]

    def ranged(self, expression, start, end, step=1):
        return self.ask("query_range", query=expression, start=start, end=end, step=step)["result"]

    def firing(self, job=None):
        return {alert["labels"]["alertname"]: alert for alert in self.ask("alerts")["alerts"]
                if alert["state"] == "firing" and (job is None or alert["labels"].get("job") == job)}  # fmt: skip

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=WAIT)
