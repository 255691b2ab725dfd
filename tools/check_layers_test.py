"""Shows that check_layers catches what it is there for, and nothing else."""
import pathlib
import tempfile
import unittest

from load_tool import load_tool

check_layers = load_tool("check_layers")


def messages(folder, text, name="x.cpp"):
    return [message for _, message in check_layers.check_file(folder, name, text)]


class Direction(unittest.TestCase):
    def test_lower_rank_and_own_folder_are_fine(self):
        self.assertEqual(messages("mux", '#include "mux/a.hpp"\n#include "wire/b.hpp"\n'
                                         '#include "base/c.hpp"\n#include <vector>\n'), [])

    def test_up_is_caught(self):
        self.assertIn("looks up", messages("mux", '#include "tunnel/tunnel.hpp"\n')[0])

    def test_sideways_is_caught(self):
        self.assertIn("looks sideways", messages("mux", '#include "net/tcp.hpp"\n')[0])

    def test_path_not_from_src_is_caught(self):
        self.assertIn("not written from src/", messages("mux", '#include "link.hpp"\n')[0])
        self.assertIn("not written from src/", messages("mux", '#include "../wire/a.hpp"\n')[0])

    def test_support_is_for_tests_only(self):
        text = '#include "test/support/memory_stream.hpp"\n'
        self.assertEqual(messages("net", text, "a_test.cpp"), [])
        self.assertEqual(len(messages("net", text, "a.cpp")), 1)

    def test_line_is_named_and_comments_are_skipped(self):
        text = '// #include "app/x.hpp"\n/*\n#include "app/x.hpp"\n*/\n#include "app/x.hpp"\n'
        self.assertEqual([line for line, _ in check_layers.check_file("base", "a.hpp", text)], [5])


class PlugIns(unittest.TestCase):
    def test_a_folder_within_one_sees_what_that_one_sees_and_it_and_itself(self):
        self.assertEqual(messages("auth/exec", '#include "auth/exec/a.hpp"\n#include "auth/b.hpp"\n'
                                               '#include "crypto/c.hpp"\n'), [])
        self.assertIn("looks sideways", messages("auth/exec", '#include "routing/a.hpp"\n')[0])
        self.assertIn("looks up", messages("auth/exec", '#include "gateway/a.hpp"\n')[0])

    def test_only_app_chooses_it(self):
        text = '#include "auth/grid/a.hpp"\n'
        for folder in ("auth", "auth/other", "auth/gri", "registrar/traefik", "gateway", "base"):
            self.assertIn("knows no plug-in", messages(folder, text)[0], folder)
        self.assertEqual(messages("app", text), [])
        self.assertEqual(messages("auth/grid/chain", text), [])

    def test_one_may_know_less_than_the_folder_around_it(self):
        self.assertIn("knows no socket", messages("auth/grid", '#include "auth/b.hpp"\n')[0])
        self.assertIn("knows no socket", messages("auth/grid", '#include "net/b.hpp"\n')[0])
        self.assertEqual(len(messages("auth/grid", "#include <boost/asio.hpp>\n")), 1)
        self.assertEqual(len(messages("auth/grid", "auto now = Clock::now();\n")), 1)
        self.assertEqual(messages("auth/grid/chain", "#include <boost/asio.hpp>\n"
                                                     '#include "auth/b.hpp"\n'), [])

    def test_it_knows_no_more_than_the_folder_around_it(self):
        self.assertEqual(len(messages("mux/inner", "#include <sys/socket.h>\n")), 1)
        self.assertEqual(len(messages("mux/inner", "auto now = Clock::now();\n")), 1)


class SansIo(unittest.TestCase):
    def test_socket_headers_are_caught_where_none_may_be(self):
        for header in ("boost/asio.hpp", "boost/asio/ip/tcp.hpp", "sys/socket.h", "netinet/in.h"):
            for folder in ("wire", "crypto", "mux"):
                self.assertEqual(len(messages(folder, f"#include <{header}>\n")), 1, header)
            self.assertEqual(messages("net", f"#include <{header}>\n"), [])

    def test_base_may_write_to_a_descriptor_but_not_through_asio(self):
        self.assertEqual(messages("base", "#include <poll.h>\n"), [])
        self.assertIn("without Asio", messages("base", "#include <boost/asio/buffer.hpp>\n")[0])

    def test_clock_is_caught_where_time_is_told(self):
        text = "auto t = std::chrono::steady_clock::now();\n"
        self.assertEqual(len(messages("mux", text)), 1)
        self.assertEqual(messages("net", text), [])


class Tree(unittest.TestCase):
    def test_unranked_folder_is_caught(self):
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root, "src", "stuff")
            folder.mkdir(parents=True)
            (folder / "a.hpp").write_text("#pragma once\n")
            found = list(check_layers.check_tree(pathlib.Path(root)))
        self.assertEqual(found, ["src/stuff/a.hpp:1: folder stuff has no rank"])


if __name__ == "__main__":
    unittest.main()
