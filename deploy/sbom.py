#!/usr/bin/env python3
"""Writes the bill of materials of built packages: SPDX 2.3 as JSON, on standard output.

usage: sbom.py --version VERSION --commit COMMIT --created SECONDS [--buildinfo FILE] [--lock FILE] DEB...

  --created     time of the release, seconds since 1970: the same input gives the same bytes
  --buildinfo   dpkg's record of the build: which versions were installed (dpkg-genbuildinfo)
  --lock        npm's lock file of the console's page, whose packages are in harrier-console

What is said: each package with its SHA-256; the libraries that it depends on, with the versions of the build; what it was
built with; the packages of npm that are bundled into the console's page, with npm's own SHA-512. Facts are dpkg's and
npm's; what they do not know, such as copyright texts, is NOASSERTION.
"""
import argparse
import base64
import datetime
import hashlib
import json
import re
import subprocess
import sys
import urllib.parse

NOT_KNOWN = "NOASSERTION"
DISTRIBUTION = "debian"
CONSOLE = "harrier-console"


def identifier(*parts):
    """SPDX allows letters, digits, dots and dashes; + and / and _ are told apart."""
    spelt = {"+": "-plus-", "/": "-in-", "@": "-at-", "_": "-u-", "~": "-t-", ":": "-c-"}
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", lambda match: spelt.get(match[0], "-x-"), "-".join(parts))


def package(spdx_id, name, version, locator, checksums=(), licence=NOT_KNOWN, homepage=None):
    made = {
        "SPDXID": spdx_id, "name": name, "versionInfo": version, "downloadLocation": NOT_KNOWN, "filesAnalyzed": False,
        "licenseConcluded": NOT_KNOWN, "licenseDeclared": licence, "copyrightText": NOT_KNOWN,
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}],
    }
    if checksums:
        made["checksums"] = [{"algorithm": algorithm, "checksumValue": value} for algorithm, value in checksums]
    if homepage:
        made["homepage"] = homepage
    return made


def deb_locator(name, version, architecture):
    return f"pkg:deb/{DISTRIBUTION}/{name}@{urllib.parse.quote(version, safe='.-~')}?arch={architecture}"


def control_of(deb):
    """The fields of a package's control file."""
    text = subprocess.run(["dpkg-deb", "--field", deb], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^([A-Za-z-]+): (.*)$", text, re.MULTILINE))


def names_of(depends):
    """The first of each alternative: what apt installs."""
    return [re.split(r"[ (:|]", part.strip())[0] for part in depends.split(",") if part.strip()]


def built_with(path):
    """{name: version} of a .buildinfo."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    installed = re.search(r"^Installed-Build-Depends:\n((?: .*\n)+)", text, re.MULTILINE)
    if not installed:
        sys.exit(f"sbom.py: {path} has no Installed-Build-Depends; expected a file of dpkg-genbuildinfo")
    return dict(re.findall(r"^ ([^ ]+) \(= ([^)]+)\)", installed[1], re.MULTILINE))


def installed_version(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 and done.stdout else None


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def bundled(lock):
    """(name, version, integrity, licence) of what npm installs for the page itself, without tools of development."""
    with open(lock, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    for place, entry in sorted(packages.items()):
        if place and not entry.get("dev") and not entry.get("optional"):
            yield place.rpartition("node_modules/")[2], entry["version"], entry["integrity"], entry.get("license", NOT_KNOWN)


def npm_checksum(integrity):
    algorithm, _, digest = integrity.partition("-")
    return algorithm.upper(), base64.b64decode(digest).hex()


class Document:
    def __init__(self, arguments):
        self.arguments = arguments
        self.packages, self.relationships = {}, []

    def add(self, made):
        self.packages.setdefault(made["SPDXID"], made)
        return made["SPDXID"]

    def relate(self, one, how, other):
        self.relationships.append({"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other})

    def add_ours(self, deb):
        control = control_of(deb)
        name, version, architecture = control["Package"], control["Version"], control["Architecture"]
        made = package(identifier(name), name, version, deb_locator(name, version, architecture),
                       [("SHA256", digest_of(deb))], "Apache-2.0", control.get("Homepage"))
        made["packageFileName"] = deb.rpartition("/")[2]
        made["sourceInfo"] = f"built from commit {self.arguments.commit}"
        self.add(made)
        self.relate("SPDXRef-DOCUMENT", "DESCRIBES", made["SPDXID"])
        return control

    def add_libraries(self, control, build, ours):
        depends = ",".join(control.get(field, "") for field in ("Pre-Depends", "Depends"))
        for name in sorted(set(names_of(depends))):
            version = build.get(name) or installed_version(name) or NOT_KNOWN
            other = identifier(name) if name in ours else self.add(
                package(identifier("deb", name), name, version, deb_locator(name, version, control["Architecture"])))
            self.relate(identifier(control["Package"]), "DEPENDS_ON", other)

    def add_tools(self, build, names):
        """What was installed for the build."""
        for name, version in sorted(build.items()):
            tool = self.add(package(identifier("deb", name), name, version, deb_locator(name, version, "all")))
            for ours in names:
                self.relate(tool, "BUILD_DEPENDENCY_OF", identifier(ours))

    def add_page(self, lock):
        for name, version, integrity, licence in bundled(lock):
            locator = f"pkg:npm/{urllib.parse.quote(name, safe='/')}@{version}"
            made = self.add(package(identifier("npm", name, version), name, version, locator, [npm_checksum(integrity)], licence))
            self.relate(identifier(CONSOLE), "CONTAINS", made)

    def fill(self):
        arguments = self.arguments
        build = built_with(arguments.buildinfo) if arguments.buildinfo else {}
        controls = [self.add_ours(deb) for deb in sorted(arguments.debs)]
        names = [control["Package"] for control in controls]
        for control in controls:
            self.add_libraries(control, build, names)
        if CONSOLE in names and arguments.lock:
            self.add_page(arguments.lock)
        self.add_tools(build, names)

    def text(self):
        created = datetime.datetime.fromtimestamp(self.arguments.created, datetime.timezone.utc)
        content = json.dumps([list(self.packages.values()), self.relationships], sort_keys=True)
        name = f"harrier-{self.arguments.version}"
        return json.dumps({
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
            "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{hashlib.sha256(content.encode()).hexdigest()}",
            "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                             "creators": [f"Tool: harrier-sbom-{self.arguments.version}"]},
            "packages": list(self.packages.values()), "relationships": self.relationships}, indent=1) + "\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--created", type=int, required=True)
    parser.add_argument("--buildinfo")
    parser.add_argument("--lock")
    parser.add_argument("debs", nargs="+")
    document = Document(parser.parse_args())
    document.fill()
    sys.stdout.write(document.text())


if __name__ == "__main__":
    main()
