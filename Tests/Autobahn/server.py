# Python 2.7, since the suite is: serves the Autobahn cases on a free loopback port, which is then in FOLDER/port.
#
#   server.py PACKAGES FOLDER base|full ws|wss      (wss: with FOLDER/cert.pem and FOLDER/key.pem)
#
# The report is written to FOLDER/report when a client asks for it. Runs until it is killed.
import os
import site
import sys

packages, folder, selection, scheme = sys.argv[1:]
site.addsitedir(packages)  # not PYTHONPATH: the .pth files in there count

from autobahntestsuite.fuzzing import FuzzingServerFactory
from twisted.internet import reactor, ssl

factory = FuzzingServerFactory({
    "url": scheme + "://localhost:1",
    "outdir": os.path.join(folder, "report"),
    "cases": ["*"],
    # 12 and 13 are about permessage-deflate only.
    "exclude-cases": [] if selection == "full" else ["12.*", "13.*"],
    "exclude-agent-cases": {},
})
if scheme == "wss":
    context = ssl.DefaultOpenSSLContextFactory(os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem"))
    listening = reactor.listenSSL(0, factory, context, interface="127.0.0.1")
else:
    listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
factory.externalPort = listening.getHost().port  # compared with the Host field

with open(os.path.join(folder, "port.new"), "w") as file:
    file.write(str(factory.externalPort))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
reactor.run()
