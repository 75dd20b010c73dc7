# SPDX-License-Identifier: Apache-2.0
"""Clients other than Python: each fails without the shim and gets the page with it."""

import os

from lab import lab

UNTRUSTED = "certificate verify failed|SSL certificate (problem|OpenSSL verify result)|verify error" \
    "|self-signed certificate"


class Clients(lab.Case):
    def setUp(self):
        self.server = lab.server()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        # An old CA of the same company: the program has a bundle, only not the right one.
        self.other = lab.cert("other-root.pem")

    def both(self, argv, needs, **options):
        lab.need(programs=[needs])
        return self.only_with_shim(argv, untrusted=UNTRUSTED, **options)

    def wrong_name(self, argv):
        """The anchors vouch for chains; the name is still checked."""
        dirs = [lab.trustdir("corp-root.pem")]
        with lab.server("wrongname") as server:
            result = lab.run(argv + [server.url], shim=True, dirs=dirs)
            self.assertNotEqual(0, result.code, result)
            self.assertNotIn(lab.PAGE, result.out)
            self.assertNotIn("catrust", result.err)

    def missing(self, argv, what):
        if lab.run(argv).code != 0:
            self.skipTest("no " + what)


class Curl(Clients):
    def setUp(self):
        super().setUp()
        lab.need(programs=["curl"])
        version = lab.run(["curl", "--version"]).out
        if "OpenSSL" not in version:
            self.skipTest("curl without OpenSSL: " + version.splitlines()[0])

    def test_default(self):
        self.both(["curl", "-sS", self.server.url], "curl")
        self.wrong_name(["curl", "-sS"])

    def test_bundles(self):
        capath = os.path.dirname(self.other)
        for options in (["--cacert", self.other], ["--capath", capath], ["--cacert", self.other, "--capath", capath],
                        ["--tlsv1.2", "--tls-max", "1.2"], ["--http1.1", self.server.url + "again"]):
            with self.subTest(options):
                self.both(["curl", "-sS", *options, self.server.url], "curl")

    def test_environment(self):
        self.both(["curl", "-sS", self.server.url], "curl", env={"CURL_CA_BUNDLE": self.other})

    def test_several_at_the_same_time(self):
        argv = ["curl", "-sS", "--parallel", "--no-progress-meter", *(self.server.url + str(n) for n in range(8))]
        # Not refused(): curl 7.74 then says 0.
        self.assertRegex(lab.run(argv).err, UNTRUSTED)
        result = lab.run(argv, shim=True, dirs=[lab.trustdir("corp-root.pem")])
        self.got_page(result)
        self.assertEqual(8, result.out.count(lab.PAGE))

    def test_unverified(self):
        result = self.same(["curl", "-sSk", self.server.url])
        self.assertEqual((0, lab.PAGE, ""), result)

    def test_missing_bundle(self):
        result = self.same(["curl", "-sS", "--cacert", "/nowhere", self.server.url])
        self.assertIn(result.code, (77, 2), result)  # newer ones look whether it is there: wrong usage


class OpenSSL(Clients):
    def test_s_client(self):
        # The GET goes out at once; s_client ends with the server's close.
        argv = ["openssl", "s_client", "-quiet", "-verify_return_error", "-servername", "localhost",
                "-verify_hostname", "localhost", "-connect", "127.0.0.1:%d" % self.server.port]
        dirs, get = [lab.trustdir("corp-root.pem")], b"GET / HTTP/1.0\r\n\r\n"
        self.refused(lab.run(argv, dirs=dirs, stdin=get), UNTRUSTED)
        result = lab.run(argv + ["-ign_eof"], dirs=dirs, stdin=get, shim=True)
        self.assertIn(lab.PAGE, result.out, result)

    def test_verify_is_no_tls(self):
        result = self.same(["openssl", "verify", "-untrusted", lab.cert("corp-sub.pem"), lab.cert("server.pem")])
        self.refused(result, "unable to get")
        result = self.same(["openssl", "verify", "-CAfile", lab.cert("corp-root.pem"), "-untrusted",
                            lab.cert("corp-sub.pem"), lab.cert("server.pem")])
        self.assertEqual(0, result.code, result)


class PHP(Clients):
    def test_stream(self):
        code = "$p = file_get_contents($argv[1]); if ($p === false) exit(1); echo $p;"
        self.both(["php", "-r", code, "--", self.server.url], "php")
        self.wrong_name(["php", "-r", code, "--"])

    def test_stream_with_a_bundle(self):
        code = """$c = stream_context_create(["ssl" => ["cafile" => $argv[2]]]);
            $p = file_get_contents($argv[1], false, $c); if ($p === false) exit(1); echo $p;"""
        self.both(["php", "-r", code, "--", self.server.url, self.other], "php")

    def test_curl_extension(self):
        lab.need(programs=["php"])
        self.missing(["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"], "curl extension of PHP")
        code = """$c = curl_init($argv[1]); curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
            if (isset($argv[2])) curl_setopt($c, CURLOPT_CAINFO, $argv[2]);
            $p = curl_exec($c); if ($p === false) { echo curl_error($c); exit(1); } echo $p;"""
        self.both(["php", "-r", code, "--", self.server.url], "php")
        self.both(["php", "-r", code, "--", self.server.url, self.other], "php")
        self.wrong_name(["php", "-r", code, "--"])


class Ruby(Clients):
    def test_net_http(self):
        code = 'require "net/http"; puts Net::HTTP.get(URI(ARGV[0]))'
        self.both(["ruby", "-e", code, self.server.url], "ruby")
        self.wrong_name(["ruby", "-e", code])

    def test_net_http_with_bundles(self):
        for setting in "ca_file = ARGV[1]", "ca_path = File.dirname(ARGV[1])", \
                "cert_store = OpenSSL::X509::Store.new.tap { |s| s.set_default_paths; s.add_file(ARGV[1]) }", \
                "cert_store = OpenSSL::X509::Store.new":
            code = 'require "net/http"; u = URI(ARGV[0]); h = Net::HTTP.new(u.host, u.port); h.use_ssl = true; ' \
                "h.%s; puts h.get('/').body" % setting
            with self.subTest(setting):
                self.both(["ruby", "-e", code, self.server.url, self.other], "ruby")

    def test_socket(self):
        code = """
            require "openssl"; require "socket"
            c = OpenSSL::SSL::SSLContext.new
            c.set_params if ARGV[1] == "params"
            c.verify_mode = OpenSSL::SSL::VERIFY_PEER
            s = OpenSSL::SSL::SSLSocket.new(TCPSocket.new("127.0.0.1", ARGV[0].to_i), c)
            s.connect
            s.write("GET / HTTP/1.0\\r\\n\\r\\n")
            page = ""
            page << s.readpartial(4096) until page.include?("page of the lab")
            puts page
            """
        for how in "params", "none":
            with self.subTest(how):
                self.both(["ruby", "-e", code, str(self.server.port), how], "ruby")


class Perl(Clients):
    def test_io_socket_ssl(self):
        lab.need(programs=["perl"])
        self.missing(["perl", "-MIO::Socket::SSL", "-e", "1"], "IO::Socket::SSL")
        code = """use IO::Socket::SSL;
            my $s = IO::Socket::SSL->new(PeerHost => "127.0.0.1", PeerPort => $ARGV[0], SSL_verifycn_name => "localhost",
                $ARGV[1] ? (SSL_ca_file => $ARGV[1]) : ()) or die "$SSL_ERROR\\n";
            print $s "GET / HTTP/1.0\\r\\n\\r\\n"; print while <$s>;"""
        for more in [], [self.other]:
            with self.subTest(more):
                self.both(["perl", "-e", code, str(self.server.port), *more], "perl")

    def test_lwp(self):
        lab.need(programs=["perl"])
        self.missing(["perl", "-MLWP::Protocol::https", "-e", "1"], "LWP::Protocol::https")
        code = """use LWP::UserAgent; my $r = LWP::UserAgent->new->get($ARGV[0]);
            die $r->status_line . $r->content . "\\n" unless $r->is_success; print $r->content;"""
        self.both(["perl", "-e", code, self.server.url], "perl")
        self.wrong_name(["perl", "-e", code])


if __name__ == "__main__":
    lab.main()
