# SPDX-License-Identifier: Apache-2.0
"""Python libraries and programs: each fails without the shim and works with it."""

import base64
import hashlib
import io
import os
import zipfile

from lab import lab


class Libraries(lab.Case):
    def page(self, modules, code, **options):
        """code gets the URL as sys.argv[1]."""
        lab.need(modules=modules)
        with lab.server(**options) as srv:
            return self.only_with_shim(code, [srv.url])

    def test_requests(self):
        self.page(["requests"], """
            import requests
            print(requests.get(sys.argv[1]).text)
            with requests.Session() as s:
                print(s.get(sys.argv[1]).text, s.get(sys.argv[1] + "again").text)
            """)

    def test_requests_with_a_bundle(self):
        lab.need(modules=["requests", "certifi"])
        with lab.server() as srv:
            self.only_with_shim("""
                import requests, certifi
                print(requests.get(sys.argv[1], verify=certifi.where()).text)
                """, [srv.url], env={"REQUESTS_CA_BUNDLE": lab.cert("other-root.pem")})

    def test_requests_with_the_wrong_bundle_in_the_environment(self):
        lab.need(modules=["requests"])
        with lab.server() as srv:
            self.only_with_shim("import requests; print(requests.get(sys.argv[1]).text)", [srv.url],
                                env={"REQUESTS_CA_BUNDLE": lab.cert("other-root.pem")})

    def test_ssl_cert_file_in_the_environment(self):
        with lab.server() as srv:
            self.only_with_shim("""
                import urllib.request
                print(urllib.request.urlopen(sys.argv[1]).read().decode())
                """, [srv.url], env={"SSL_CERT_FILE": lab.cert("other-root.pem"), "SSL_CERT_DIR": "/nowhere"})

    def test_requests_unverified(self):
        lab.need(modules=["requests"])
        with lab.server() as srv:
            self.same("import requests; print(requests.get(sys.argv[1], verify=False).text)", [srv.url])

    def test_urllib3(self):
        self.page(["urllib3"], """
            import urllib3
            print(urllib3.PoolManager(retries=False).request("GET", sys.argv[1]).data.decode())
            """)

    def test_urllib3_with_certifi(self):
        self.page(["urllib3", "certifi"], """
            import urllib3, certifi
            pool = urllib3.PoolManager(retries=False, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where())
            print(pool.request("GET", sys.argv[1]).data.decode())
            """)

    def test_http_client(self):
        with lab.server() as srv:
            self.only_with_shim("""
                import http.client
                c = http.client.HTTPSConnection("localhost", int(sys.argv[1]))
                c.request("GET", "/")
                print(c.getresponse().read().decode())
                """, [srv.port])

    def test_httpx(self):
        self.page(["httpx"], "import httpx; print(httpx.get(sys.argv[1]).text)")

    def test_httpx_asynchronous(self):
        self.page(["httpx"], """
            import asyncio, httpx
            async def main():
                async with httpx.AsyncClient() as client:
                    print((await client.get(sys.argv[1])).text)
            asyncio.run(main())
            """)

    def test_aiohttp(self):
        self.page(["aiohttp"], """
            import asyncio, aiohttp
            async def main():
                async with aiohttp.ClientSession() as session:
                    async with session.get(sys.argv[1]) as answer:
                        print(await answer.text())
            asyncio.run(main())
            """)

    def test_asyncio(self):
        with lab.server() as srv:
            for context in "True", "ssl.create_default_context()", "context('client')()", "context('generic')()":
                with self.subTest(context):
                    self.only_with_shim("""
                        import asyncio
                        async def one(tls):
                            reader, writer = await asyncio.open_connection(
                                "127.0.0.1", int(sys.argv[1]), ssl=tls, server_hostname="127.0.0.1")
                            writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
                            page = await reader.read()
                            writer.close()
                            return page.decode()
                        async def main():
                            tls = eval(sys.argv[2])
                            pages = await asyncio.gather(*(one(tls) for _ in range(8)))
                            print(pages[0], len(set(p.split("\\r\\n\\r\\n")[1] for p in pages)))
                        asyncio.new_event_loop().run_until_complete(main())
                        """, [srv.port, context])

    def test_memory_bio(self):
        """SSL_get_error reads the error queue: an error left by the shim would end the handshake."""
        with lab.server() as srv:
            for kind in "default", "client", "generic":
                with self.subTest(kind):
                    self.only_with_shim("""
                        c = context(sys.argv[2])()
                        rx, tx = ssl.MemoryBIO(), ssl.MemoryBIO()
                        t = c.wrap_bio(rx, tx, server_hostname="localhost")
                        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
                            def step(call, *args):
                                while True:
                                    try:
                                        return call(*args)
                                    except ssl.SSLWantReadError:
                                        s.sendall(tx.read())
                                        # A byte at a time at first: as many incomplete reads as there can be.
                                        rx.write(s.recv(7 if call == t.do_handshake else 65536))
                                    finally:
                                        s.sendall(tx.read())
                            step(t.do_handshake)
                            step(t.write, b"GET / HTTP/1.0\\r\\n\\r\\n")
                            page = b""
                            while b"page of the lab" not in page:
                                page += step(t.read, 4096)
                            print(page.decode())
                        """, [srv.port, kind])

    def test_subprocess_of_the_program(self):
        with lab.server() as srv:
            self.only_with_shim("""
                import subprocess
                code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
                sys.exit(subprocess.run([sys.executable, "-c", code, sys.argv[1]]).returncode)
                """, [srv.url])


class PyOpenSSL(lab.Case):
    CODE = """
        from OpenSSL import SSL
        c = SSL.Context(getattr(SSL, sys.argv[2], SSL.SSLv23_METHOD))  # pyOpenSSL 20 has no other
        seen = []
        c.set_verify(SSL.VERIFY_PEER, lambda connection, x509, code, depth, ok: seen.append(ok) or bool(ok))
        exec(sys.argv[3])
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        t = SSL.Connection(c, s)
        t.set_tlsext_host_name(b"localhost")
        t.set_connect_state()
        t.do_handshake()
        t.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        data = b""
        try:
            while True:
                data += t.recv(65536)
        except SSL.Error:
            pass
        print(data.decode(), seen)
        """

    def test_each_method_and_load(self):
        lab.need(modules=["OpenSSL", "certifi"])
        loads = {"nothing": "pass", "default paths": "c.set_default_verify_paths()",
                 "certifi": "import certifi; c.load_verify_locations(certifi.where())",
                 "store": "from OpenSSL import crypto; c.get_cert_store().add_cert(crypto.load_certificate("
                          "crypto.FILETYPE_PEM, open(%r, 'rb').read()))" % lab.cert("other-root.pem")}
        with lab.server() as srv:
            for method in "TLS_METHOD", "TLS_CLIENT_METHOD":
                for name, load in loads.items():
                    with self.subTest(method=method, load=name):
                        self.only_with_shim(self.CODE, [srv.port, method, load])

    def test_x509_store_context_is_no_tls(self):
        """A verification without TLS gets no anchors."""
        lab.need(modules=["OpenSSL"])
        result = self.same("""
            from OpenSSL import crypto
            load = lambda f: crypto.load_certificate(crypto.FILETYPE_PEM, open(f, "rb").read())
            store = crypto.X509Store()
            store.add_cert(load(sys.argv[3]))
            check = crypto.X509StoreContext(store, load(sys.argv[1]), [load(sys.argv[2])])
            print(attempt(check.verify_certificate))
            """, [lab.cert("server.pem"), lab.cert("corp-sub.pem"), lab.cert("other-root.pem")])
        self.assertIn("unable to get local issuer certificate", result.out)


def wheel(name):
    """The smallest wheel that pip accepts."""
    info = "%s-1.0.dist-info/" % name
    files = {name + ".py": "", info + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % name,
             info + "WHEEL": "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (path, digest, len(text))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
    return out.getvalue()


class Pip(lab.Case):
    def test_download_from_an_https_index(self):
        lab.need(modules=["pip"])
        data = wheel("labwheel")
        file = "labwheel-1.0-py3-none-any.whl"
        index = '<!DOCTYPE html><html><body><a href="/%s#sha256=%s">%s</a></body></html>' % (
            file, hashlib.sha256(data).hexdigest(), file)
        with lab.server(pages={"/simple/labwheel/": index, "/" + file: data}) as srv:
            for shim in False, True:
                to = lab.folder("wheels")
                result = lab.run([lab.PYTHON, "-m", "pip", "--isolated", "--disable-pip-version-check",
                                  "--no-input", "--no-color", "download", "--no-deps", "--no-cache-dir",
                                  "--retries", "0", "--index-url", srv.named_url + "simple/", "-d", to, "labwheel"],
                                 shim=shim, dirs=[lab.trustdir("corp-root.pem")])
                if not shim:
                    self.refused(result)
                    self.assertEqual([], os.listdir(to))
                    continue
                self.assertEqual(0, result.code, result)
                self.assertNotIn("catrust", result.err)
                self.assertEqual(data, lab.read(os.path.join(to, file)))


if __name__ == "__main__":
    lab.main()
