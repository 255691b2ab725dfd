#include "registrar/traefik/traefik_registrar.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "net/task_group.hpp"
#include "registrar/traefik/limits.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"
#include "test/support/small_file_system.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::registrar::traefik {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Registered = Result<std::unique_ptr<Registration>>;

net::Awaitable<void> keep(net::Awaitable<Registered> work, Registered& into) {
    into = co_await std::move(work);
}

class TraefikRegistrarTest : public testing::Test {
  protected:
    TraefikRegistrarTest() { fs::create_directory(path_); }

    TraefikRegistrar& open() {
        auto opened = TraefikRegistrar::open(options_, path_, log_.logger());
        EXPECT_TRUE(opened) << opened.error().text;
        leftovers_ = std::move(opened->leftovers);
        registrar_ = std::move(opened->registrar);
        return *registrar_;
    }

    Registered ask(Request request, TimePoint deadline = kNever) {
        Registered result;
        test::run_coroutine(control_,
                            keep(registrar_->register_name(std::move(request), deadline), result));
        return result;
    }

    Registered ask(const std::string& name, std::uint64_t generation = 1) {
        return ask(
            {.name = name, .generation = {generation}, .kind = "http", .local_port = 10'000});
    }

    /// All but the directory that is locked.
    std::vector<std::string> files() {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(path_)) {
            if (entry.path().filename() != ".diglett-staging") {
                names.push_back(entry.path().filename());
            }
        }
        std::ranges::sort(names);
        return names;
    }

    /// Waits, 10 s at most, until the directory holds `wanted`.
    void expect_files(const std::vector<std::string>& wanted) {
        const auto end = Clock::now() + std::chrono::seconds(10);
        while (files() != wanted && Clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        EXPECT_EQ(files(), wanted);
    }

    test::TemporaryDirectory around_;
    fs::path path_ = around_.file("dynamic");
    test::LogCapture log_;
    Options options_{.domains = {"gateway.com", "other.com"}};
    std::vector<Leftover> leftovers_;
    net::asio::io_context control_;  // outlives the registrar
    std::unique_ptr<TraefikRegistrar> registrar_;
};

TEST_F(TraefikRegistrarTest, PublishesAsLongAsTheHandleLives) {
    open();
    auto registered = ask("example");
    ASSERT_TRUE(registered) << registered.error().text;
    EXPECT_EQ((*registered)->url(), "https://example.gateway.com");
    EXPECT_THAT(files(), ElementsAre("diglett-example.yml"));
    EXPECT_THAT(read_file(path_ / "diglett-example.yml", 1 << 16).value(),
                HasSubstr("http://127.0.0.1:10000"));
    registered->reset();
    expect_files({});
}

TEST_F(TraefikRegistrarTest, PublishesKindsAsConfigured) {
    EXPECT_TRUE(open().publishes("http"));
    EXPECT_FALSE(registrar_->publishes("tls"));
    EXPECT_FALSE(registrar_->publishes("tcp"));
    const Request request{.name = "x", .generation = {1}, .kind = "tls", .local_port = 1};
    const auto refused = ask(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::NameNotAllowed);
    registrar_.reset();
    options_.passthrough_entry_points = {"passthrough"};
    EXPECT_TRUE(open().publishes("tls"));
    const auto registered = ask(request);
    ASSERT_TRUE(registered);
    EXPECT_THAT(read_file(path_ / "diglett-x.yml", 1 << 16).value(), HasSubstr("HostSNI"));
}

TEST_F(TraefikRegistrarTest, AnOlderHandleRemovesNothing) {
    open();
    auto older = ask("example", 1);
    auto newer = ask("example", 2);
    ASSERT_TRUE(older && newer);
    older->reset();
    auto other = ask("other");  // behind the end of the older one
    EXPECT_THAT(files(), ElementsAre("diglett-example.yml", "diglett-other.yml"));
    newer->reset();
    expect_files({"diglett-other.yml"});
}

TEST_F(TraefikRegistrarTest, ARefusedClaimDoesNotEndTheOneThatLives) {
    open();
    const auto living = ask("example", 2);
    ASSERT_TRUE(living);
    for (const std::uint64_t generation : {1U, 2U}) {
        const auto refused = ask("example", generation);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::NameReplaced);
    }
    const auto other = ask("other");  // behind whatever the refused ones began
    EXPECT_THAT(files(), ElementsAre("diglett-example.yml", "diglett-other.yml"));
}

TEST_F(TraefikRegistrarTest, NothingIsLeftOfAClaimThatWaitedTooLong) {
    open();
    const auto late =
        ask({.name = "late", .generation = {1}, .kind = "http", .local_port = 1}, Clock::now());
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::TimedOut);
    const auto other = ask("other");  // behind the late one and its end
    expect_files({"diglett-other.yml"});
}

TEST_F(TraefikRegistrarTest, NothingIsLeftOfAClaimThatFailed) {
    open();
    fs::create_directory(path_ / "diglett-a.yml");
    const auto hold = std::make_shared<int>();
    const auto failed =
        ask({.name = "a", .generation = {1}, .kind = "http", .local_port = 1, .port_hold = hold});
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().text, HasSubstr("diglett-a.yml"));
    EXPECT_THAT(files(), ElementsAre("diglett-a.yml"));
    EXPECT_TRUE(fs::is_empty(around_.file("dynamic.staging")));
    fs::remove(path_ / "diglett-a.yml");
    EXPECT_TRUE(ask("a", 2));
}

TEST_F(TraefikRegistrarTest, HandsOverWhatAnEarlierRunLeft) {
    {
        open();
        const auto registered = ask("example");
        ASSERT_TRUE(registered);
        fs::copy(path_ / "diglett-example.yml", around_.file("saved"));
    }
    registrar_.reset();
    fs::copy(around_.file("saved"), path_ / "diglett-example.yml");
    std::ofstream(path_ / "other.yml") << "{}";
    std::ofstream(path_ / "diglett-auth.yml") << "http: {}";
    open();
    EXPECT_THAT(leftovers_, ElementsAre(Leftover{"example", std::uint16_t(10'000)}));
    EXPECT_THAT(files(), ElementsAre("diglett-auth.yml", "other.yml"));
    EXPECT_EQ(log_.count("diglett-auth.yml' is called like a file of this gateway's"), 1);
}

TEST_F(TraefikRegistrarTest, IsForOneGateway) {
    open();
    const auto second = TraefikRegistrar::open(options_, path_, log_.logger());
    ASSERT_FALSE(second);
    EXPECT_EQ(exit_code(second.error().code), 3);
}

TEST_F(TraefikRegistrarTest, RefusesOptionsByTheirKey) {
    options_.entry_points = {"{{env \"HOME\"}}"};
    const auto opened = TraefikRegistrar::open(options_, path_, log_.logger());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::InvalidConfig);
    EXPECT_THAT(opened.error().text, HasSubstr("[traefik] entry-points"));
}

TEST_F(TraefikRegistrarTest, ChecksWithoutTouching) {
    open();
    EXPECT_TRUE(TraefikRegistrar::check(options_, path_)) << "also while a gateway runs";
    const auto missing = TraefikRegistrar::check(options_, around_.file("missing"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(exit_code(missing.error().code), 3);
    EXPECT_THAT(missing.error().text, HasSubstr("missing"));
    auto wrong = options_;
    wrong.domains = {"A.com"};
    EXPECT_EQ(TraefikRegistrar::check(wrong, path_).error().code, Errc::InvalidConfig);
    EXPECT_FALSE(fs::exists(around_.file("missing.staging")));
}

TEST_F(TraefikRegistrarTest, ItsEndRemovesAllAndHandlesMayOutliveIt) {
    open();
    auto a = ask("a");
    auto b = ask("b");
    ASSERT_TRUE(a && b);
    registrar_.reset();
    EXPECT_THAT(files(), IsEmpty());
    a->reset();
}

TEST_F(TraefikRegistrarTest, RemovesByItselfWhatCouldNotBeRemoved) {
    open();
    auto registered = ask("a");
    ASSERT_TRUE(registered);
    const auto aside = around_.file("aside");
    fs::rename(path_, aside);
    registered->reset();
    EXPECT_FALSE(ask("b"));  // behind the removal
    fs::rename(aside, path_);
    expect_files({});
}

net::Awaitable<void> register_and_drop(TraefikRegistrar& registrar, Request request) {
    auto asked = registrar.register_name(std::move(request), kNever);
    (void)co_await std::move(asked);
}

TEST_F(TraefikRegistrarTest, NothingIsLeftOfACallThatIsCancelled) {
    open();
    net::TaskGroup group(control_.get_executor());
    for (std::uint16_t i = 1; i <= 20; ++i) {
        group.spawn(register_and_drop(
            *registrar_,
            {.name = "n" + std::to_string(i), .generation = {1}, .kind = "http", .local_port = i}));
    }
    control_.poll();  // all of them have asked
    group.cancel();
    test::run_coroutine(control_, group.join());
    const auto other = ask("other");  // behind all of them
    expect_files({"diglett-other.yml"});
}

net::Awaitable<void> register_all(TraefikRegistrar& registrar, std::vector<Registered>& into,
                                  std::uint16_t port) {
    Request request{
        .name = "n" + std::to_string(port), .generation = {1}, .kind = "http", .local_port = port};
    auto asked = registrar.register_name(std::move(request), kNever);
    auto registered = co_await std::move(asked);
    into.push_back(std::move(registered));
}

TEST_F(TraefikRegistrarTest, ManyAtOnce) {
    open();
    std::vector<Registered> all;
    net::TaskGroup group(control_.get_executor());
    for (std::uint16_t port = 1; port <= 100; ++port) {
        group.spawn(register_all(*registrar_, all, port));
    }
    const auto begin = Clock::now();
    control_.poll();
    EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(400)) << "the disk is not waited for";
    test::run_coroutine(control_, group.join());
    EXPECT_EQ(all.size(), 100);
    EXPECT_TRUE(std::ranges::all_of(all, [](const auto& each) { return each.has_value(); }));
    EXPECT_EQ(files().size(), 100);
    all.clear();
    expect_files({});
}

/// Stops the thread that lets go of hold(), as a disk that hangs does, until its own end.
class Hang {
  public:
    std::shared_ptr<void> hold() {
        return {this, [waiting = end_.get_future().share()](void*) { waiting.wait(); }};
    }

    void end() { end_.set_value(); }

  private:
    std::promise<void> end_;
};

/// Those who try again while the disk hangs take no memory without end.
TEST_F(TraefikRegistrarTest, HasNoMoreThanSoMuchWorkWaitForTheDisk) {
    open();
    Hang hang;
    auto hanging = ask({.name = "hanging",
                        .generation = {1},
                        .kind = "http",
                        .local_port = 1,
                        .port_hold = hang.hold()});
    auto leaving = ask("leaving");
    ASSERT_TRUE(hanging && leaving);
    hanging->reset();
    Request retry{.name = "retry", .generation = {0}, .kind = "http", .local_port = 1};
    std::size_t taken = 0;
    Errc why = Errc::TimedOut;
    while (why == Errc::TimedOut && taken <= kMaxWaitingWork) {
        ++retry.generation.value;
        const auto late = ask(retry, Clock::now());
        why = late ? Errc::Internal : late.error().code;
        taken += why == Errc::TimedOut ? 1 : 0;
    }
    EXPECT_EQ(why, Errc::TryLater);
    EXPECT_GE(taken, kMaxWaitingWork / 2 - 2) << "each waits, and so does its end";
    EXPECT_LE(taken, kMaxWaitingWork / 2);
    const auto refused = ask("refused");  // at once, although it would wait for ever
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::TryLater);
    leaving->reset();
    hang.end();
    expect_files({});
    EXPECT_TRUE(ask("retry", 1)) << "all that waited is done";
}

/// What a full or read-only disk does to those who are registered and those who want to be.
TEST_F(TraefikRegistrarTest, HealsByItselfWithinFiveSeconds) {
    const test::SmallFileSystem disk(path_);
    if (!disk.refused().empty()) {
        GTEST_SKIP() << disk.refused();
    }
    open();
    auto old = ask("old");
    auto leaving = ask("leaving");
    ASSERT_TRUE(old && leaving);

    disk.fill();
    const auto full = ask("new");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, Errc::DiskFull);
    disk.free();
    EXPECT_TRUE(ask("new", 2)) << "at once";
    expect_files({"diglett-leaving.yml", "diglett-old.yml"});

    disk.make_read_only(true);
    EXPECT_EQ(TraefikRegistrar::check(options_, path_).error().code, Errc::DiskFull);
    const auto read_only = ask("new", 3);
    ASSERT_FALSE(read_only);
    EXPECT_EQ(read_only.error().code, Errc::DiskFull);
    leaving->reset();
    EXPECT_FALSE(ask("new", 4)) << "behind the removal";
    EXPECT_THAT(files(), ElementsAre("diglett-leaving.yml", "diglett-old.yml"));
    disk.make_read_only(false);
    const auto healed = Clock::now();
    expect_files({"diglett-old.yml"});
    EXPECT_LT(Clock::now() - healed, std::chrono::seconds(5));
    EXPECT_TRUE(ask("new", 5));
    registrar_.reset();  // before its directory goes
}

/// Everything that must never become part of a file's name, a rule or a template.
std::vector<std::string> hostile_names() {
    std::set<std::string> names{"",
                                ".",
                                "..",
                                "-",
                                "--",
                                "-a",
                                "a-",
                                std::string(64, 'a'),
                                std::string(300, 'a'),
                                std::string(65'536, 'a'),
                                "../x",
                                "a/b",
                                "/etc/passwd",
                                "a\\b",
                                "a_b",
                                "under_score"};
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            continue;
        }
        for (const auto& name : {std::string(1, c), std::string("a") + c, c + std::string("a")}) {
            names.insert(name);
        }
        if (c != '-') {
            names.insert(std::string("a") + c + "b");
        }
    }
    for (const auto* text : {"{{env \"HOME\"}}",
                             "{{",
                             "}}",
                             "{{.}}",
                             "a{{b}}c",
                             "a`) || Host(`b",
                             "`",
                             "a\nb: c",
                             "a\"}}},\"tcp\":{",
                             "xn--\xC3\xA9",
                             "\xEF\xBC\xA1",
                             "a\xE2\x80\xAE"
                             "b",
                             "*",
                             "*.a",
                             "a.b",
                             "a b",
                             "a@file",
                             "a%2e",
                             "a%00",
                             "CON",
                             "Example",
                             "eXample",
                             "a:b",
                             "#a",
                             "!a",
                             "&a",
                             "|"}) {
        names.insert(text);
        names.insert(std::string("a") + text);
    }
    return {names.begin(), names.end()};
}

TEST_F(TraefikRegistrarTest, RefusesHostileNamesAndWritesNothing) {
    open();
    const auto names = hostile_names();
    EXPECT_GE(names.size(), 500);
    std::size_t refused = 0;
    for (const auto& name : names) {
        const auto registered = ask(name);
        ASSERT_FALSE(registered) << name;
        EXPECT_EQ(registered.error().code, Errc::NameInvalid);
        ++refused;
    }
    EXPECT_EQ(refused, names.size());
    const auto last = ask("honest");  // behind anything that they may have begun
    EXPECT_THAT(files(), ElementsAre("diglett-honest.yml"));
    std::vector<std::string> around;
    for (const auto& entry : fs::recursive_directory_iterator(around_.path())) {
        around.push_back(fs::relative(entry.path(), around_.path()));
    }
    EXPECT_THAT(around, testing::UnorderedElementsAre(
                            "dynamic", "dynamic.staging", "dynamic/.diglett-staging",
                            "dynamic/.diglett-staging/lock", "dynamic/diglett-honest.yml"));
}

}  // namespace
}  // namespace diglett::registrar::traefik
