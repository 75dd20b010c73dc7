# SPDX-License-Identifier: Apache-2.0
"""Threads, forks, client certificates and sessions: with the shim, a process behaves as without."""

import ssl

from lab import lab


class Threads(lab.Case):
    def test_sixteen_threads_at_the_same_time(self):
        with lab.server() as srv:
            for kind in "default", "client", "generic":
                with self.subTest(kind):
                    result = self.only_with_shim("""
                        import threading
                        barrier = threading.Barrier(16)
                        pages, errors = [], []
                        def one(n):
                            barrier.wait()
                            for _ in range(3):
                                try:
                                    c = context(sys.argv[2])(cafile=sys.argv[3] if n % 2 else None)
                                    pages.append(get(c, sys.argv[1]))
                                except Exception as e:
                                    errors.append(e)
                        threads = [threading.Thread(target=one, args=(n,)) for n in range(16)]
                        for t in threads: t.start()
                        for t in threads: t.join()
                        if errors:
                            raise errors[0]
                        print(pages[0], len(pages), len(set(pages)))
                        """, [srv.port, kind, lab.cert("other-root.pem")])
                    self.assertEqual("48 1", result.out.splitlines()[-1].strip())

    def test_threads_that_share_one_context(self):
        with lab.server() as srv:
            for kind in "client", "generic":
                with self.subTest(kind):
                    result = self.only_with_shim("""
                        import threading
                        c, barrier, pages, errors = context(sys.argv[2])(), threading.Barrier(16), [], []
                        def one():
                            barrier.wait()
                            try:
                                pages.append(get(c, sys.argv[1]))
                            except Exception as e:
                                errors.append(e)
                        threads = [threading.Thread(target=one) for n in range(16)]
                        for t in threads: t.start()
                        for t in threads: t.join()
                        if errors:
                            raise errors[0]
                        print(pages[0], len(pages), c.cert_store_stats()["x509"])
                        """, [srv.port, kind])
                    self.assertEqual("16 0", result.out.splitlines()[-1].strip())


class Forks(lab.Case):
    FORK = """
        def child(n):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = 0 if "lab" in get(c if n % 2 else make(), sys.argv[1]) else 2
                finally:
                    os._exit(code)
            return pid
        make = context(sys.argv[2])
        c = make()
        if sys.argv[3] == "after":
            get(c, sys.argv[1])
        children = [child(n) for n in range(4)]
        page = attempt(get, c, sys.argv[1])
        codes = [os.waitpid(pid, 0)[1] for pid in children]
        print(page, codes)
        sys.exit(any(codes))
        """

    def test_fork_before_and_after_the_first_use(self):
        with lab.server() as srv:
            for when in "before", "after":
                for kind in "default", "client", "generic":
                    with self.subTest(when=when, context=kind):
                        result = self.only_with_shim(self.FORK, [srv.port, kind, when])
                        self.assertIn("[0, 0, 0, 0]", result.out)

    def test_fork_of_a_fork(self):
        with lab.server() as srv:
            self.only_with_shim("""
                def down(depth):
                    if depth == 0:
                        print(get(context("default")(), sys.argv[1]), flush=True)
                        return 0
                    pid = os.fork()
                    if pid == 0:
                        code = 1
                        try:
                            code = down(depth - 1)
                        finally:
                            if code:
                                print(attempt(get, context("default")(), sys.argv[1]), flush=True)
                            os._exit(code)
                    return os.waitpid(pid, 0)[1] and 1
                sys.exit(down(3))
                """, [srv.port])

    def test_fork_while_threads_load(self):
        """The child must not inherit a lock of the shim that another thread held. The loads fail, on existing
        contexts: other loads need OpenSSL's own locks, which have this effect without a shim, too."""
        code = lab.PRELUDE + """
import threading, signal
contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(5)]
for c in contexts:
    c.load_verify_locations(capath="/nowhere")
stop = False
def load(c):
    while not stop:
        attempt(c.load_verify_locations, "/nowhere/ca.pem")
threads = [threading.Thread(target=load, args=(c,)) for c in contexts[1:]]
for t in threads: t.start()
codes = []
for _ in range(100):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            attempt(contexts[0].load_verify_locations, "/nowhere/ca.pem")
            os._exit(0 if contexts[0].cert_store_stats()["x509"] == 0 else 2)
        finally:
            os._exit(1)
    codes.append(os.waitpid(pid, 0)[1])
stop = True
for t in threads: t.join()
print(set(codes))
"""
        for shim in False, True:
            result = lab.run(code, shim=shim, dirs=[lab.trustdir("corp-root.pem")])
            self.assertEqual((0, "{0}\n", ""), result)

    def test_multiprocessing(self):
        with lab.server() as srv:
            result = self.only_with_shim("""
                import multiprocessing
                def one(n):
                    return get(context(("default", "client", "generic")[n % 3])(), sys.argv[1])
                with multiprocessing.get_context("fork").Pool(4) as pool:
                    pages = pool.map(one, range(12), chunksize=1)
                print(pages[0], len(pages), len(set(pages)))
                """, [srv.port])
            self.assertEqual("12 1", result.out.splitlines()[-1].strip())

    def test_concurrent_futures_with_spawn(self):
        program = lab.write(lab.folder("program") + "/program.py", lab.PRELUDE + """
import concurrent.futures, multiprocessing
def one(kind):
    return get(context(kind)(), sys.argv[1])
if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        print(*pool.map(one, ["default", "generic"]))
""")
        with lab.server() as srv:
            self.only_with_shim([lab.PYTHON, program], [srv.port])


class ClientCertificates(lab.Case):
    def test_client_with_a_certificate(self):
        code = """
            c = context(sys.argv[2])()
            c.load_cert_chain(sys.argv[3], sys.argv[4])
            print(get(c, sys.argv[1]))
            """
        for stem, ca, issuer in (("own-client", "client-root.pem", "Client CA of one service"),
                                 ("client", "corp-root.pem", "Example Corp Root CA")):
            pair = [lab.cert(stem + ".pem"), lab.cert(stem + ".key")]
            with lab.server(client_ca=ca) as srv:
                for kind in "default", "client", "generic":
                    with self.subTest(ca=ca, context=kind):
                        self.only_with_shim(code, [srv.port, kind, *pair])
                self.assertEqual(3, srv.good)
                self.assertIn((("commonName", issuer),), srv.peers[0]["issuer"])

    def test_server_refuses_a_client_without_one(self):
        with lab.server(client_ca="client-root.pem", maximum=ssl.TLSVersion.TLSv1_2) as srv:
            def text(shim, load):
                return lab.run(lab.PRELUDE + "print(attempt(get, context('client')(%s), sys.argv[1]))" % load,
                               [srv.port, lab.cert("corp-root.pem")], shim=shim,
                               dirs=[lab.trustdir("corp-root.pem")])
            without = text(False, "cafile=sys.argv[2]")
            self.assertIn("alert", without.out)
            self.assertEqual([without] * 2, [text(True, "cafile=sys.argv[2]"), text(True, "")])


class Sessions(lab.Case):
    def test_resumption(self):
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            with lab.server(minimum=version, maximum=version) as srv:
                for kind in "default", "client", "generic":
                    with self.subTest(version=version, context=kind):
                        result = self.only_with_shim("""
                            c, session, reused = context(sys.argv[2])(), None, []
                            for _ in range(3):
                                with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
                                    with c.wrap_socket(s, server_hostname="localhost", session=session) as t:
                                        t.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                                        page = t.recv(65536) + t.recv(65536)
                                        session, reused = t.session, reused + [t.session_reused]
                            print(page.decode(), reused)
                            """, [srv.port, kind])
                        self.assertIn("[False, True, True]", result.out)


if __name__ == "__main__":
    lab.main()
