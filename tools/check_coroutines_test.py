"""Shows that check_coroutines catches what it is there for, and nothing else."""
import unittest

from load_tool import load_tool

check_coroutines = load_tool("check_coroutines")


def lines(body, path="src/net/a.cpp"):
    text = "Awaitable<void> f() {\n" + body + "\n}\n"
    return [(line - 1, message.split(" in ")[0])
            for line, message in check_coroutines.check_text(path, text)]


BRACES = "unnamed braced value"
LAMBDA = "capturing lambda"


class Statements(unittest.TestCase):
    def test_caught(self):
        cases = {
            "co_await f(Options{1, 2});": BRACES,
            "co_await f({1, 2});": BRACES,
            "auto r = co_await f(std::vector<int>{1});": BRACES,
            "if (auto r = co_await f(Options{1}); !r) { g(); }": BRACES,
            "auto r = co_await (f(Options{.a = 1}) || t.wait());": BRACES,
            "co_return co_await f(Options{});": BRACES,
            "co_await f([x] { g(x); });": LAMBDA,
            "co_await f([&](int a) -> int { return a; });": LAMBDA,
            "co_await f([this]() mutable { g(); });": LAMBDA,
            "co_spawn(co_await this_coro::executor, [x] { g(x); }, token);": LAMBDA,
            "while (co_await f([=] { return 1; })) { g(); }": LAMBDA,
        }
        for body, what in cases.items():
            self.assertEqual(lines(body), [(1, what)], body)

    def test_fine(self):
        for body in (
                "auto op = f(Options{1, 2}); co_await std::move(op);",
                "auto ex = co_await this_coro::executor; co_spawn(ex, work(x), group);",
                "co_await f([] { g(); });",
                "auto handler = [x] { g(x); }; co_await f(handler);",
                "co_await f(std::chrono::seconds{5});",
                "co_await f(table[i], array[j + 1]);",
                "Options options{co_await f()};",
                "const Result<int> result{co_await f()};",
                "for (auto& s : streams) { co_await s.close(); }",
                "Options o{1}; if (x) { co_await f(o); } else { g(Options{2}); }",
                "auto h = [x]() -> Awaitable<void> { co_await f(x); }; g(Options{1});",
                'co_await f("a { b [x] { } ", \'{\');  // Options{1}',
                "switch (k) { case Kind::A: { co_await f(); break; } default: { g(Options{}); } }",
                "[[maybe_unused]] auto r = co_await f();",
                "try { co_await f(); } catch (const Error& e) { g(Options{1}); }"):
            self.assertEqual(lines(body), [], body)

    def test_inner_statement_of_a_lambda_is_its_own(self):
        self.assertEqual(lines("auto h = [x] {\n  auto r = co_await f(Options{1});\n};"),
                         [(2, BRACES)])


class Detached(unittest.TestCase):
    def test_caught_outside_its_one_file(self):
        for body, home in (("co_spawn(ex, work(), asio::detached);", "src/net/task_group.cpp"),
                           ("co_spawn(ex, work(), detached);", "src/net/task_group.cpp"),
                           ("std::thread(f).detach();", "src/net/lookups.cpp")):
            self.assertEqual([line for line, _ in lines(body)], [1], body)
            self.assertEqual(lines(body, home), [], body)
            self.assertEqual(len(lines(body, "src/net/socket.cpp")), 1, body)

    def test_a_state_of_that_name_is_fine(self):
        self.assertEqual(lines("if (holder.detached) { drop(); }  // asio::detached"), [])


if __name__ == "__main__":
    unittest.main()
