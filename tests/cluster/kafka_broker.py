"""Kafka 4 on loopback, for the tests of this folder: fetches the broker from a Maven repository, once, and runs one or more
nodes in KRaft mode, each broker and controller in one process.

Needs a JDK 17 and mvn. The jars are kept in ~/.cache/harrier-kafka (HARRIER_KAFKA_CACHE: elsewhere).
"""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time

VERSION = "4.3.1"
CLUSTER = "aGFycmllci10ZXN0LWNsdQ"  # any id of this form

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>harrier</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
  </dependency></dependencies>
</project>
"""


def fetch():
    """The folder of the jars. One fetches, others wait meanwhile."""
    cache = os.environ.get("HARRIER_KAFKA_CACHE", os.path.expanduser("~/.cache/harrier-kafka"))
    jars = os.path.join(cache, VERSION)
    os.makedirs(jars, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(jars, "done")):
            fetch_to(cache, jars)
    return jars


def fetch_to(cache, jars):
    with open(os.path.join(cache, "pom.xml"), "w", encoding="utf-8") as file:
        file.write(POM)
    subprocess.run(["mvn", "-q", "-f", os.path.join(cache, "pom.xml"), "dependency:copy-dependencies",
                    f"-DoutputDirectory={jars}", "-DincludeScope=runtime"], check=True)
    with open(os.path.join(jars, "done"), "w", encoding="utf-8"):
        pass


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Node:
    """One process, broker and controller."""

    def __init__(self, jars, folder, number, place, voters, replicas, more=()):
        """place: (host, port of the broker, port of the controller, command to run it with)"""
        self.jars, self.folder, self.number = jars, folder, number
        self.host, self.port, self.controller, self.prefix = place
        self.process = None
        os.makedirs(folder)
        settings = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{self.host}:{self.port},CONTROLLER://{self.host}:{self.controller}",
            "advertised.listeners": f"PLAINTEXT://{self.host}:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": os.path.join(folder, "data"),
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min(2, replicas),
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
            "log.segment.bytes": 134217728,
            **dict(more),
        }
        self.settings = os.path.join(folder, "server.properties")
        with open(self.settings, "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())
        self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.settings)

    def command(self, *arguments):
        return [*self.prefix, "java", "-Xmx512m", "-cp", os.path.join(self.jars, "*"), *arguments]

    def java(self, *arguments):
        subprocess.run(self.command(*arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def start(self):
        log = open(os.path.join(self.folder, "log"), "a", encoding="utf-8")
        self.process = subprocess.Popen(self.command("kafka.Kafka", self.settings), stdout=log, stderr=log,
                                        cwd=self.folder)
        log.close()

    def wait_ready(self, seconds=90):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"the broker is not ready; its log: {os.path.join(self.folder, 'log')}")

    def kill(self):
        """As a machine that dies."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class Cluster:
    """count nodes in a folder that is removed at the end."""

    def __init__(self, folder, count=1, places=None, settings=()):
        """places: of each node, as Node has them; without, all of them are on loopback."""
        jars = fetch()
        if places is None:
            ports = free_ports(2 * count)
            places = [("127.0.0.1", *pair, ()) for pair in zip(ports[::2], ports[1::2])]
        voters = ",".join(f"{i + 1}@{host}:{controller}" for i, (host, _, controller, _) in enumerate(places))
        self.folder = folder
        self.nodes = [Node(jars, os.path.join(folder, str(i + 1)), i + 1, place, voters, count, settings)
                      for i, place in enumerate(places)]
        self.brokers = ",".join(f"{host}:{port}" for host, port, _, _ in places)

    def __enter__(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
