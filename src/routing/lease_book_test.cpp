#include "routing/lease_book.hpp"

#include <fstream>
#include <random>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::routing {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const WallTime kNow = WallTime(std::chrono::seconds(1'790'000'000));

template <class T>
Errc code_of(const Result<T>& result) {
    return result ? Errc{} : result.error().code;
}

LeaseBook book_with(LeaseBook::Options options, WallTime now = kNow) {
    auto book = LeaseBook::open(std::move(options), now);
    EXPECT_TRUE(book) << book.error().text;
    return std::move(*book);
}

TEST(LeaseBook, GivesANameToOneIdentityOnly) {
    LeaseBook book;
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow)), Errc::NameTaken);
    EXPECT_TRUE(book.claim("shop", "tokens:b", true, kNow));
    ASSERT_NE(book.find("blog"), nullptr);
    EXPECT_EQ(book.find("blog")->identity, "tokens:a");
    EXPECT_EQ(book.find("other"), nullptr);
}

TEST(LeaseBook, NeverFreesANameThatIsHeld) {
    LeaseBook book;
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow + 24h * 365)), Errc::NameTaken);
}

TEST(LeaseBook, KeepsAReleasedNameForADay) {
    LeaseBook book;
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    book.release("blog", kNow + 1h);
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow + 25h - 1s)), Errc::NameTaken);
    EXPECT_TRUE(book.claim("blog", "tokens:b", true, kNow + 25h));
    EXPECT_EQ(code_of(book.claim("blog", "tokens:a", true, kNow + 25h)), Errc::NameTaken);
}

TEST(LeaseBook, FreesAtOnceWhatIsNotReserved) {
    LeaseBook book;
    ASSERT_TRUE(book.claim("blog", "local", false, kNow));
    EXPECT_EQ(code_of(book.claim("blog", "v1", false, kNow)), Errc::NameTaken);
    book.release("blog", kNow);
    EXPECT_EQ(book.size(), 0U);
    EXPECT_TRUE(book.claim("blog", "v1", false, kNow));
}

TEST(LeaseBook, RaisesTheGenerationAtEachClaim) {
    LeaseBook book;
    const auto first = book.claim("blog", "tokens:a", true, kNow);
    const auto again = book.claim("blog", "tokens:a", true, kNow + 1h);
    const auto other = book.claim("shop", "tokens:b", true, kNow + 1h);
    book.release("blog", kNow + 2h);
    const auto back = book.claim("blog", "tokens:a", true, kNow + 3h);
    book.release("blog", kNow + 4h);
    const auto next = book.claim("blog", "tokens:b", true, kNow + 100h);
    ASSERT_TRUE(first && again && other && back && next);
    EXPECT_GT(again->generation, first->generation);
    EXPECT_GT(other->generation, again->generation);
    EXPECT_GT(back->generation, other->generation);
    EXPECT_GT(next->generation, back->generation);
}

TEST(LeaseBook, ForgetsAtOnce) {
    LeaseBook book;
    book.forget("blog", kNow);
    const auto first = book.claim("blog", "grid:1", true, kNow);
    book.forget("blog", kNow);
    EXPECT_EQ(book.owner("blog", kNow), nullptr);
    const auto next = book.claim("blog", "grid:2", true, kNow);
    ASSERT_TRUE(first && next);
    EXPECT_GT(next->generation, first->generation);
    EXPECT_EQ(next->last_port, 0);
}

TEST(LeaseBook, SaysWhoHoldsOrHasReservedAName) {
    LeaseBook book;
    EXPECT_EQ(book.owner("blog", kNow), nullptr);
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    ASSERT_NE(book.owner("blog", kNow + 24h * 365), nullptr);
    book.release("blog", kNow);
    ASSERT_NE(book.owner("blog", kNow + 23h), nullptr);
    EXPECT_EQ(book.owner("blog", kNow + 23h)->identity, "tokens:a");
    EXPECT_EQ(book.owner("blog", kNow + 24h), nullptr);
}

TEST(LeaseBook, RemembersThePortOfTheOwner) {
    LeaseBook book;
    ASSERT_EQ(book.claim("blog", "tokens:a", true, kNow)->last_port, 0);
    book.touch("blog", 41'234, kNow);
    book.release("blog", kNow);
    EXPECT_EQ(book.claim("blog", "tokens:a", true, kNow)->last_port, 41'234);
    book.release("blog", kNow);
    EXPECT_EQ(book.claim("blog", "tokens:b", true, kNow + 24h)->last_port, 0);
}

TEST(LeaseBook, IgnoresNamesThatItDoesNotKnow) {
    LeaseBook book;
    book.touch("blog", 1, kNow);
    book.release("blog", kNow);
    EXPECT_EQ(book.size(), 0U);
}

TEST(LeaseBook, BoundsTheNamesOfAnIdentityReservedOnesIncluded) {
    auto book = book_with({.max_names_per_identity = 2});
    ASSERT_TRUE(book.claim("a", "tokens:a", true, kNow));
    ASSERT_TRUE(book.claim("b", "tokens:a", true, kNow));
    book.release("a", kNow);
    EXPECT_EQ(code_of(book.claim("c", "tokens:a", true, kNow + 1h)), Errc::TooManyNames);
    EXPECT_TRUE(book.claim("a", "tokens:a", true, kNow + 1h));
    EXPECT_TRUE(book.claim("c", "tokens:b", true, kNow + 1h));
    book.release("a", kNow + 1h);
    EXPECT_TRUE(book.claim("d", "tokens:a", true, kNow + 25h));
    EXPECT_EQ(book.find("a"), nullptr);
}

TEST(LeaseBook, BoundsTheNamesInAll) {
    auto book = book_with({.max_names = 2});
    ASSERT_TRUE(book.claim("a", "tokens:a", true, kNow));
    ASSERT_TRUE(book.claim("b", "tokens:b", true, kNow));
    book.release("b", kNow);
    EXPECT_EQ(code_of(book.claim("c", "tokens:c", true, kNow)), Errc::LimitReached);
    EXPECT_TRUE(book.claim("c", "tokens:c", true, kNow + 24h));
}

TEST(LeaseBook, StandsAClockThatGoesBack) {
    LeaseBook book;
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    book.release("blog", kNow);
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow - 24h * 365)), Errc::NameTaken);
}

TEST(StoredLeaseBook, KeepsOwnersPortsAndGenerationsOverARestart) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    Generation generation;
    {
        auto book = book_with(options);
        generation = book.claim("blog", "tokens:a", true, kNow)->generation;
        book.touch("blog", 41'234, kNow);
        book.release("blog", kNow);
    }
    auto book = book_with(options, kNow + 1h);
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow + 24h - 1s)), Errc::NameTaken);
    const auto back = book.claim("blog", "tokens:a", true, kNow + 2h);
    ASSERT_TRUE(back);
    EXPECT_GT(back->generation, generation);
    EXPECT_EQ(back->last_port, 41'234);
    EXPECT_GT(book.claim("shop", "tokens:a", true, kNow + 2h)->generation, generation);
}

TEST(StoredLeaseBook, GivesNoGenerationTwiceAlthoughItCrashed) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    std::string file;
    Generation generation;
    {
        auto book = book_with(options);
        ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
        file = read_file(*options.file, 10'000).value();
        generation = book.claim("blog", "tokens:a", true, kNow)->generation;  // saved later
    }
    ASSERT_TRUE(write_file_atomically(*options.file, file));  // as it was at the crash
    auto book = book_with(options);
    EXPECT_GT(book.claim("blog", "tokens:a", true, kNow)->generation, generation);
}

TEST(StoredLeaseBook, DropsReservationsThatEndedMeanwhile) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    {
        auto book = book_with(options);
        ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
        book.release("blog", kNow);
    }
    EXPECT_EQ(book_with(options, kNow + 24h - 1s).size(), 1U);
    EXPECT_EQ(book_with(options, kNow + 24h).size(), 0U);
}

TEST(StoredLeaseBook, StoresNothingOfIdentitiesThatDoNotReserve) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    Generation generation;
    {
        auto book = book_with(options);
        generation = book.claim("blog", "local", false, kNow)->generation;
    }
    auto book = book_with(options);
    EXPECT_EQ(book.size(), 0U);
    EXPECT_GT(book.claim("blog", "local", false, kNow)->generation, generation);
}

// What `kill -9` leaves: the file as it was at the last save, copied away while the book lives.
class Crash {
  public:
    LeaseBook::Options options() const { return {.file = directory_.file("leases.json")}; }

    LeaseBook restart(WallTime now) const {
        std::filesystem::copy_file(directory_.file("leases.json"), directory_.file("crashed.json"),
                                   std::filesystem::copy_options::overwrite_existing);
        return book_with({.file = directory_.file("crashed.json")}, now);
    }

  private:
    test::TemporaryDirectory directory_;
};

TEST(StoredLeaseBook, LosesNoOwnerAndNoPortInACrash) {
    const Crash crash;
    auto book = book_with(crash.options());
    // All within the shortest time between two lazy saves.
    for (const auto* name : {"a", "b", "c"}) {
        ASSERT_TRUE(book.claim(name, "tokens:a", true, kNow));
        book.touch(name, 41'234, kNow);
    }
    auto after = crash.restart(kNow + 1min);
    for (const auto* name : {"a", "b", "c"}) {
        EXPECT_EQ(code_of(after.claim(name, "tokens:b", true, kNow + 1min)), Errc::NameTaken);
        EXPECT_EQ(after.claim(name, "tokens:a", true, kNow + 1min)->last_port, 41'234);
    }
}

TEST(StoredLeaseBook, BeginsReservationsAnewAfterACrash) {
    const Crash crash;
    auto book = book_with(crash.options());
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    // Held for a month, so the file's last use is a month old.
    auto after = crash.restart(kNow + 24h * 30);
    EXPECT_EQ(code_of(after.claim("blog", "tokens:b", true, kNow + 24h * 31 - 1s)),
              Errc::NameTaken);
    EXPECT_TRUE(after.claim("blog", "tokens:b", true, kNow + 24h * 31));
}

TEST(StoredLeaseBook, TreatsAnEndWithHeldNamesAsACrash) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    {
        auto book = book_with(options);
        ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    }
    EXPECT_EQ(book_with(options, kNow + 24h * 30).size(), 1U);
}

TEST(StoredLeaseBook, WritesLastUsesAtMostOnceASecond) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("leases.json");
    auto book = book_with({.file = path});
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    std::filesystem::remove(path);
    book.release("blog", kNow + 999ms);
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow + 999ms));
    EXPECT_FALSE(std::filesystem::exists(path));
    book.release("blog", kNow + 1s);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(StoredLeaseBook, KeepsWritingWhenTheClockWasSetBack) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("leases.json");
    auto book = book_with({.file = path});
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    std::filesystem::remove(path);
    book.release("blog", kNow - 1h);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(StoredLeaseBook, WritesOnlyWhatItsOwnerReads) {
    const test::TemporaryDirectory directory;
    auto book = book_with({.file = directory.file("leases.json")});
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    EXPECT_EQ(std::filesystem::status(directory.file("leases.json")).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(StoredLeaseBook, RefusesAFileThatItCannotRead) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    std::ofstream(*options.file) << "{\"version\":1,";
    const auto refused = LeaseBook::open(options, kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::CorruptState);
    EXPECT_THAT(refused.error().text, HasSubstr("leases.json"));
    EXPECT_THAT(refused.error().text, HasSubstr("--reset-leases"));
    EXPECT_EQ(read_file(*options.file, 100), "{\"version\":1,");
}

TEST(StoredLeaseBook, BeginsWithoutLeasesWhenTold) {
    const test::TemporaryDirectory directory;
    const LeaseBook::Options options{.file = directory.file("leases.json")};
    std::ofstream(*options.file) << "garbage";
    {
        auto book = LeaseBook::reset(options, kNow);
        ASSERT_TRUE(book);
        EXPECT_EQ(book->size(), 0U);
        EXPECT_EQ(read_file(directory.file("leases.json.old"), 100), "garbage");
        // Above every generation that may have been given before.
        EXPECT_GT(book->claim("blog", "tokens:a", true, kNow)->generation.value, 1'000'000U);
    }
    EXPECT_EQ(book_with(options).size(), 1U);
}

// The directory taken away stands for the full disk: every write fails, and works again later.
class FullDisk : public testing::Test {
  protected:
    void fill() { std::filesystem::rename(folder_, hidden_); }

    void free() { std::filesystem::rename(hidden_, folder_); }

    test::TemporaryDirectory directory_;
    std::filesystem::path folder_ = directory_.file("state");
    std::filesystem::path hidden_ = directory_.file("hidden");
    bool made_ = std::filesystem::create_directory(folder_);
    test::LogCapture log_;
    LeaseBook::Options options_{.file = folder_ / "leases.json", .logger = log_.logger()};
};

TEST_F(FullDisk, RefusesNewClaimsAndLetsNamesInUseGoOn) {
    auto book = book_with(options_);
    const auto granted = book.claim("blog", "tokens:a", true, kNow);
    book.release("blog", kNow);
    fill();
    const auto refused = book.claim("shop", "tokens:b", true, kNow + 2s);
    EXPECT_EQ(code_of(refused), Errc::DiskFull);
    EXPECT_THAT(refused.error().text, HasSubstr("'shop'"));
    EXPECT_EQ(book.find("shop"), nullptr);
    const auto kept = book.claim("blog", "tokens:a", true, kNow + 4s);
    ASSERT_TRUE(kept);
    EXPECT_GT(kept->generation, granted->generation);
    book.touch("blog", 41'234, kNow + 4s);
    book.release("blog", kNow + 6s);
    EXPECT_EQ(log_.count("new ones are refused"), 1U);
    EXPECT_EQ(log_.count("DIG-1003: cannot write"), 1U);
    free();
}

TEST_F(FullDisk, HealsByItself) {
    auto book = book_with(options_);
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    fill();
    book.touch("blog", 41'234, kNow);
    EXPECT_EQ(code_of(book.claim("shop", "tokens:b", true, kNow)), Errc::DiskFull);
    free();
    EXPECT_TRUE(book.claim("shop", "tokens:b", true, kNow));
    EXPECT_EQ(log_.count("written again"), 1U);
    const auto text = read_file(*options_.file, 10'000);
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("\"shop\""));
    EXPECT_THAT(*text, HasSubstr("41234"));
}

TEST_F(FullDisk, DoesNotTakeAnExpiredNameFromItsOwnerForNothing) {
    auto book = book_with(options_);
    ASSERT_TRUE(book.claim("blog", "tokens:a", true, kNow));
    book.touch("blog", 41'234, kNow);
    book.release("blog", kNow);
    fill();
    EXPECT_EQ(code_of(book.claim("blog", "tokens:b", true, kNow + 48h)), Errc::DiskFull);
    const auto back = book.claim("blog", "tokens:a", true, kNow + 48h);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->last_port, 41'234);
    free();
}

TEST(LeaseBook, HasExactlyOneOwnerAtEachInstantOfARace) {
    std::mt19937 random(1);
    LeaseBook book;
    std::string owner;
    WallTime released;
    std::uint64_t last_generation = 0;
    WallTime now = kNow;
    for (int step = 0; step < 20'000; ++step) {
        now += std::chrono::minutes(random() % 120);
        const std::string identity = random() % 2 == 0 ? "tokens:a" : "tokens:b";
        const bool is_held = book.find("blog") != nullptr && book.find("blog")->held;
        if (is_held && random() % 4 == 0) {
            book.release("blog", now);
            released = now;
            continue;
        }
        const auto granted = book.claim("blog", identity, true, now);
        const bool free = owner.empty() || owner == identity || (!is_held && now - released >= 24h);
        ASSERT_EQ(granted.has_value(), free) << step;
        if (granted) {
            ASSERT_GT(granted->generation.value, last_generation) << step;
            last_generation = granted->generation.value;
            owner = identity;
        }
    }
}

}  // namespace
}  // namespace diglett::routing
