"""Faults of a cluster and of harrier stream, with a broker of Kafka. Left out without a JDK 17, mvn and confluent-kafka."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from server import Server, free_port
from stages import HARRIER

sys.path.append(os.path.join(os.environ["HARRIER_ROOT"], "tests", "cluster"))


PAYMENT = '{"id": "ID", "event_time": "2026-01-01T00:00:00Z", "amount_minor": 100, "currency": "EUR", "card": "c1", "merchant": "m1"}'


def is_possible():
    try:
        import confluent_kafka  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        return False
    return all(shutil.which(program) for program in ("java", "mvn"))


def topics(brokers, *names):
    from confluent_kafka.admin import AdminClient, NewTopic  # pylint: disable=import-outside-toplevel

    admin = AdminClient({"bootstrap.servers": brokers})  # lives until all are made
    for made in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        made.result()


def stream(stage):
    """Records that are none, then a server that is away while payments come."""
    from confluent_kafka import Producer  # pylint: disable=import-outside-toplevel
    from kafka_broker import Cluster  # pylint: disable=import-outside-toplevel

    stage.start(traffic=False)
    with Cluster(os.path.join(stage.folder, "kafka")) as cluster:
        topics(cluster.brokers, "payments", "decisions", "dead")
        producer, port = Producer({"bootstrap.servers": cluster.brokers, "log_level": 0}), free_port()

        def feed(count, text):
            for number in range(count):
                producer.produce("payments", value=text.replace("ID", f"p-{number}"))
            producer.flush(60)

        with open(os.path.join(stage.folder, "stream.log"), "wb") as log:
            process = subprocess.Popen([HARRIER, "stream", "--brokers", cluster.brokers, "--to", stage.server.address,
                                        "--transactions", "payments", "--decisions", "decisions", "--dead-letters", "dead",
                                        "--instance", "watched", "--quiet", "--metrics", f"127.0.0.1:{port}"], stderr=log)  # fmt: skip
        try:
            stage.prometheus.watch(stage.job, port)
            stage.await_metric("harrier_stream_server_away", 0)
            stage.fires("HarrierStreamDeadLetters", doing=lambda: feed(5, "{"))
            stage.server.kill()
            feed(5000, PAYMENT)
            stage.fires("HarrierStreamServerAway", "HarrierStreamLag")
            stage.server.start()
            stage.quiet("HarrierStreamServerAway", "HarrierStreamLag")
        finally:
            stage.prometheus.forget(stage.job)
            process.terminate()
            process.wait(timeout=60)


def cluster(stage):
    """Two nodes that hand over again and again; then the log is away, and what only the primary had is cut off."""
    from kafka_broker import Cluster  # pylint: disable=import-outside-toplevel

    with Cluster(os.path.join(stage.folder, "kafka"), settings={"group.min.session.timeout.ms": 500}) as kafka:
        topics(kafka.brokers, "log")
        log = ("--lazy_sync_interval=50ms", f"--log=kafka://{kafka.brokers}/log", "--durability=written")
        nodes = []
        for number in (1, 2):
            folder = os.path.join(stage.folder, f"n{number}")
            shutil.copytree(os.path.join(stage.folder, "policy"), os.path.join(folder, "policy"))
            nodes.append(Server(folder, *log, f"--node=n{number}"))
            nodes[-1].spawn()

        def primary():
            found = [node for node in nodes if state(node) == "ready"]
            return found[0] if len(found) == 1 else None

        try:
            stage.prometheus.watch(stage.job, *(node.admin_port for node in nodes))
            stage.server = stage.prometheus.await_("a primary", primary)

            def hand_over():
                stage.server = stage.prometheus.await_("a primary", primary)
                stage.send(20)
                stage.server.process.send_signal(signal.SIGUSR2)
                time.sleep(1)

            stage.fires("HarrierTakeOvers", doing=hand_over)
            last = stage.server = stage.prometheus.await_("a primary", primary)
            kafka.nodes[0].kill()
            stage.fires("HarrierLogStuck", "HarrierLogBehind", "HarrierNoPrimary", doing=lambda: stage.send(100))
            last.kill()  # the log never gets what it had
            kafka.nodes[0].start()
            kafka.nodes[0].wait_ready()
            stage.server = next(node for node in nodes if node is not last)
            stage.prometheus.await_("another primary", lambda: state(stage.server) == "ready")
            stage.send(20)
            last.spawn()
            stage.server = last
            stage.fires("HarrierRecordsCut")
        finally:
            stage.prometheus.forget(stage.job)
            for node in nodes:
                node.kill()
            stage.server = None


class Wire:
    """Carries connections to a port; answers at a limited speed, or nothing any more."""

    def __init__(self, port):
        self.target, self.bytes_per_s, self.sockets = port, None, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                continue
            far.settimeout(None)
            self.sockets += [near, far]
            threading.Thread(target=self.carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, True), daemon=True).start()

    def carry(self, source, target, is_answer):
        """Small pieces, so that a new speed takes effect at once."""
        try:
            while piece := source.recv(1024):
                while is_answer and self.bytes_per_s == 0:
                    time.sleep(0.1)
                if is_answer and self.bytes_per_s:
                    time.sleep(len(piece) / self.bytes_per_s)
                target.sendall(piece)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.bytes_per_s = None
        self.listener.close()
        for one in self.sockets:
            one.close()


def standby(stage):
    """A primary beside the broker, and a standby behind a network that becomes slow and then carries nothing."""
    from kafka_broker import Cluster, free_ports  # pylint: disable=import-outside-toplevel

    near, far, controller = free_ports(3)
    wire = Wire(far)
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{near},FAR://127.0.0.1:{far},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{near},FAR://127.0.0.1:{wire.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,FAR:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "group.min.session.timeout.ms": 500,
    }
    places = [("127.0.0.1", near, controller, ())]
    with Cluster(os.path.join(stage.folder, "kafka"), places=places, settings=settings) as kafka:
        topics(kafka.brokers, "log")
        nodes = []
        try:
            for number, port in ((1, near), (2, wire.port)):
                folder = os.path.join(stage.folder, f"n{number}")
                shutil.copytree(os.path.join(stage.folder, "policy"), os.path.join(folder, "policy"))
                node = Server(folder, "--lazy_sync_interval=50ms", f"--log=kafka://127.0.0.1:{port}/log", f"--node=n{number}")
                nodes.append(node)
                node.spawn()
                stage.prometheus.await_(f"the state of node {number}", lambda n=node: state(n) in ("ready", "standby"))
            stage.server = nodes[0]
            stage.prometheus.watch(stage.job, *(node.admin_port for node in nodes))
            stage.begin_traffic()
            time.sleep(5)
            wire.bytes_per_s = 3000
            stage.fires("HarrierNodeBehind")
            wire.bytes_per_s = 0
            stage.fires("HarrierNodeDoesNotFollow")
            wire.bytes_per_s = None
            stage.quiet("HarrierNodeBehind", "HarrierNodeDoesNotFollow")
        finally:
            stage.prometheus.forget(stage.job)
            stage.end_traffic()
            for node in nodes:
                node.kill()
            wire.close()
            stage.server = None


def state(node):
    try:
        return node.status().get("state")
    except (OSError, KeyError):
        return None


# As stages.STAGES. A node that is killed is down, and one without a log is not ready.
STAGES = {
    "stream": (stream, {"HarrierStreamDeadLetters", "HarrierStreamServerAway", "HarrierStreamLag"}, set()),
    "standby": (standby, {"HarrierNodeBehind", "HarrierNodeDoesNotFollow"}, {"HarrierLogBehind", "HarrierErrors", "HarrierNotReady"}),
    "cluster": (cluster, {"HarrierTakeOvers", "HarrierLogStuck", "HarrierLogBehind", "HarrierNoPrimary", "HarrierRecordsCut"},
                {"HarrierDown", "HarrierNotReady", "HarrierErrors", "HarrierRefused", "HarrierRestarts", "HarrierNodeDoesNotFollow",
                 "HarrierNoTraffic"}),
}  # fmt: skip
