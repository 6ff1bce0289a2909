"""OpenStack Swift with its S3 interface, whole and in one process, for tests: proxy, account, container and object
server on ports that the kernel chose. Usage: swift-server.py FOLDER KEY_ID SECRET; prints its URL when it is ready."""

import sys
import os

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()

from swift.common import storage_policy, utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

FOLDER, KEY_ID, SECRET = sys.argv[1:4]
STORAGE = ("account", "container", "object")

PROXY = """
[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
s3_acl = no
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
"""

SERVER = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_level = ERROR
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""


class Silence:
    def write(self, _):
        pass


class Forgetful:
    """Stands where memcached would, which swift insists on and never needs for S3."""

    def get(self, *_, **__):
        return None

    def set(self, *_, **__):
        pass

    delete = incr = decr = set


def with_cache(app):
    def call(environment, start_response):
        environment["swift.cache"] = Forgetful()
        return app(environment, start_response)
    return call


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def listen():
    return eventlet.listen(("127.0.0.1", 0))


def serve(socket, app):
    eventlet.spawn(eventlet.wsgi.server, socket, app, Silence())


def main():
    os.makedirs(os.path.join(FOLDER, "devices", "d1"))
    write("swift.conf", "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
                        "[storage-policy:0]\nname = only\ndefault = yes\n")
    utils.set_swift_dir(FOLDER)
    storage_policy.reload_storage_policies()
    sockets = {name: listen() for name in STORAGE}
    for name, socket in sockets.items():
        builder = RingBuilder(1, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "d1",
                         "ip": "127.0.0.1", "port": socket.getsockname()[1]})
        builder.rebalance()
        builder.get_ring().save(os.path.join(FOLDER, name + ".ring.gz"))
    for name, socket in sockets.items():
        serve(socket, loadapp(write(name + ".conf", SERVER.format(folder=FOLDER, name=name))))
    account, user = KEY_ID.split(":")
    proxy = listen()
    config = PROXY.format(folder=FOLDER, account=account, user=user, secret=SECRET)
    serve(proxy, with_cache(loadapp(write("proxy.conf", config))))
    print("http://127.0.0.1:%d" % proxy.getsockname()[1], flush=True)
    # Whoever started it ends it: by a signal, or by going away.
    eventlet.tpool.execute(sys.stdin.read)


main()
