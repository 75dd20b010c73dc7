# SPDX-License-Identifier: Apache-2.0
"""catrust fetch and other peers: LMTP, XMPP, IRC, mitmproxy, and a proxy with Kerberos."""

import os
import pwd
import shutil
import subprocess
import unittest

from lab import lab, tools
from e2e.tool import tool_starttls as starttls
from e2e.tool.tool_starttls import needs_root, program

def wait_for_port(port, server):
    starttls.wait_for_port(port, server, timeout=120)


class Case(starttls.Case):
    port = None

    def fetch(self, *args, **options):
        return super().fetch("--timeout", "60", *args, timeout=120, **options)


class Lmtp(Case):
    @classmethod
    def setUpClass(cls):
        needs_root()
        dovecot = program("dovecot")
        program("/usr/lib/dovecot/lmtp")
        there = lab.folder("dovecot")
        cls.port = lab.free_port()
        conf = lab.write(os.path.join(there, "dovecot.conf"), """
base_dir = {there}/run
state_dir = {there}/run
log_path = {there}/log
protocols = lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:{there}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={there}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
""".format(there=there, chain=lab.cert("server-full.pem"), key=lab.cert("server.key"), port=cls.port))
        server = cls.enterClassContext(lab.Process([dovecot, "-F", "-c", conf]))
        wait_for_port(cls.port, server)

    def test_lmtp(self):
        self.check("lmtp://localhost:%d" % self.port, "import smtplib, ssl, sys; smtplib.LMTP('localhost', int(sys.argv[1]))"
                   ".starttls(context=ssl.create_default_context())", self.port)


class Xmpp(Case):
    @classmethod
    def setUpClass(cls):
        needs_root()
        prosody = program("prosody")
        try:
            user = pwd.getpwnam("prosody")
        except KeyError:
            raise unittest.SkipTest("no user prosody")
        there = lab.folder("prosody")
        cls.port, cls.s2s = lab.free_port(), lab.free_port()
        key = lab.write(os.path.join(there, "key"), lab.read(lab.cert("server.key")), 0o600)
        for path in there, key:
            os.chown(path, user.pw_uid, user.pw_gid)
        conf = lab.write(os.path.join(there, "prosody.cfg.lua"), """
daemonize = false
data_path = "{there}"
modules_enabled = {{ "tls", "saslauth", "dialback" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ {s2s} }}
c2s_direct_tls_ports = {{ }}
s2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
log = {{ info = "*console" }}
ssl = {{ certificate = "{chain}", key = "{key}" }}
c2s_require_encryption = true
s2s_require_encryption = true
VirtualHost "localhost"
""".format(there=there, port=cls.port, s2s=cls.s2s, chain=lab.cert("server-full.pem"), key=key))
        server = cls.enterClassContext(lab.Process([prosody, "--config", conf, "-F"], cwd=there, user=user.pw_uid,
                                                   group=user.pw_gid, extra_groups=[]))
        for port in cls.port, cls.s2s:
            wait_for_port(port, server)

    def talk(self, space):
        start = ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:%s' to='localhost' "
                 "from='client.example' version='1.0'>" % space)
        return starttls.client((start.encode(), b"</stream:features>"),
                               (b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed.*>"))

    def test_client(self):
        self.check("xmpp://localhost:%d" % self.port, self.talk("client"), self.port)

    def test_server(self):
        self.check("xmpp-server://localhost:%d" % self.s2s, self.talk("server"), self.s2s)


class Irc(Case):
    @classmethod
    def setUpClass(cls):
        inspircd = program("inspircd")
        there = lab.folder("inspircd")
        cls.port = lab.free_port()
        conf = lab.write(os.path.join(there, "inspircd.conf"), """
<server name="irc.example" description="lab" network="Lab">
<admin name="a" nick="a" email="a@example">
<module name="m_ssl_gnutls.so">
<module name="m_starttls.so">
<sslprofile name="lab" provider="gnutls" certfile="{chain}" keyfile="{key}" cafile="">
<gnutls certfile="{chain}" keyfile="{key}" starttls="yes">
<starttls provider="lab">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="all" allow="*" timeout="30" maxchans="5">
<pid file="{there}/pid">
<log method="file" type="*" level="default" target="{there}/log">
""".format(there=there, port=cls.port, chain=lab.cert("server-full.pem"), key=lab.cert("server.key")))
        argv = [inspircd, "--nofork", "--config", conf]
        server = cls.enterClassContext(lab.Process(argv + (["--runasroot"] if os.geteuid() == 0 else []), cwd=there))
        wait_for_port(cls.port, server)

    def test_irc(self):
        self.check("irc://localhost:%d" % self.port, starttls.client((b"STARTTLS\r\n", b" 670 .*\n")), self.port)


class Mitmproxy(Case):
    """It makes every server's certificate with a CA that it created in its first run."""

    @classmethod
    def setUpClass(cls):
        mitmdump = program("mitmdump")
        there = lab.folder("mitmproxy")
        cls.port = lab.free_port()
        cls.ca = os.path.join(there, "mitmproxy-ca-cert.pem")
        server = cls.enterClassContext(lab.Process(
            [mitmdump, "-q", "--listen-host", "127.0.0.1", "-p", cls.port, "--set", "confdir=" + there,
             "--set", "ssl_verify_upstream_trusted_ca=" + lab.cert("corp-root.pem")]))
        wait_for_port(cls.port, server)
        cls.server = cls.enterClassContext(tools.both_loopbacks("server-full"))

    def through(self, dirs):
        """A Python program that reads a page through the proxy."""
        code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end='')"
        return lab.run([tools.tool("catrust-run"), lab.PYTHON, "-c", code, self.server.named_url], dirs=dirs,
                       env={"https_proxy": "http://127.0.0.1:%d" % self.port, "no_proxy": None})

    def test_its_ca_is_saved(self):
        proxy = ["--proxy", "http://127.0.0.1:%d" % self.port, "localhost:%d" % self.server.port]
        theirs = tools.fingerprint(self.ca)
        refused = self.fetch(*proxy, code=1)
        self.assertIn("mitmproxy", refused.err)
        self.fetch("--fingerprint", self.root, *proxy, code=1)
        self.assertIn("certificate verify failed", self.through([lab.folder()]).err)
        result = self.fetch("--fingerprint", theirs, *proxy, env={"SSL_CERT_FILE": self.ca})
        self.assertEqual(tools.fingerprint(result.out.strip()), theirs)
        got = self.through([self.dir])
        self.assertEqual((got.code, got.out), (0, lab.PAGE), got.err)
        # The server itself has another CA, which nobody saved.
        direct = lab.run([tools.tool("catrust-run"), lab.PYTHON, "-c", "import sys, urllib.request as u; "
                          "u.urlopen(sys.argv[1])", self.server.named_url], dirs=[self.dir])
        self.assertIn("certificate verify failed", direct.err)


REALM = "LAB.EXAMPLE"


class Kerberos(Case):
    """squid accepts users with a ticket; fetch uses the user's, without a password."""

    @classmethod
    def setUpClass(cls):
        needs_root()
        kdc, squid = program("krb5kdc"), program("squid")
        helper = program("/usr/lib/squid/negotiate_kerberos_auth")
        there = lab.folder("krb5")
        kdc_port, cls.port = lab.free_port(), lab.free_port()
        cls.there = there
        cls.env = {"KRB5_CONFIG": os.path.join(there, "krb5.conf"), "KRB5_KDC_PROFILE": os.path.join(there, "kdc.conf"),
                   "KRB5RCACHENAME": "none:"}
        lab.write(cls.env["KRB5_CONFIG"], """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
""".format(realm=REALM, port=kdc_port))
        lab.write(cls.env["KRB5_KDC_PROFILE"], """
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {there}/principal
    key_stash_file = {there}/stash
    acl_file = {there}/acl
  }}
[logging]
  kdc = STDERR
""".format(realm=REALM, port=kdc_port, there=there))
        lab.write(os.path.join(there, "acl"), "")
        env = lab.clean_env(**cls.env)
        for argv in ([program("kdb5_util"), "-r", REALM, "create", "-s", "-P", "secret"],
                     [program("kadmin.local"), "-r", REALM, "-q", "addprinc -randkey HTTP/localhost"],
                     [program("kadmin.local"), "-r", REALM, "-q", "addprinc -randkey someone"],
                     [program("kadmin.local"), "-r", REALM, "-q", "ktadd -k %s/squid.keytab HTTP/localhost" % there],
                     [program("kadmin.local"), "-r", REALM, "-q", "ktadd -k %s/someone.keytab someone" % there]):
            done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
            if done.returncode != 0:
                raise RuntimeError(done.stdout.decode())
        server = cls.enterClassContext(lab.Process([kdc, "-n", "-r", REALM, "-P", os.path.join(there, "pid")], env=env))
        wait_for_port(kdc_port, server)
        conf = lab.write(os.path.join(there, "squid.conf"), """
http_port 127.0.0.1:{port}
pid_filename none
cache deny all
cache_log {there}/cache.log
access_log none
coredump_dir {there}
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
auth_param negotiate program {helper} -s HTTP/localhost@{realm} -k {there}/squid.keytab
auth_param negotiate children 2 startup=1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
""".format(port=cls.port, there=there, helper=helper, realm=REALM))
        for name in ".", "squid.keytab":
            shutil.chown(os.path.join(there, name), "proxy", "proxy")
        server = cls.enterClassContext(lab.Process([squid, "-N", "-f", conf, "-n", "labkrb"], cwd=there, env=env))
        wait_for_port(cls.port, server)
        cls.server = cls.enterClassContext(tools.both_loopbacks("server-full"))

    def test_ticket(self):
        args = ["--proxy", "http://localhost:%d" % self.port, "localhost:%d" % self.server.port]
        env = {**self.env, "KRB5CCNAME": "FILE:" + os.path.join(lab.folder("ccache"), "cc")}
        result = self.fetch(*args, code=3, env=env)
        self.assertIn("status 407", result.err)
        env["KRB5_CLIENT_KTNAME"] = os.path.join(self.there, "someone.keytab")
        result = self.fetch("--fingerprint", self.root, *args, env=env)
        self.assertEqual(tools.fingerprint(result.out.strip()), self.root)
        self.python("import sys, urllib.request as u; u.urlopen(sys.argv[1])", self.server.named_url)


if __name__ == "__main__":
    lab.main()
