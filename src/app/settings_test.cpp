#include "app/settings.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A variable of the environment for as long as this lives.
class Variable {
  public:
    Variable(std::string name, const std::string& value) : name_(std::move(name)) {
        ::setenv(name_.c_str(), value.c_str(), 1);
    }

    ~Variable() { ::unsetenv(name_.c_str()); }

    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    std::string name_;
};

/// One setting of each kind.
struct Values {
    std::string text = "the default";
    std::string secret;
    std::string secret_file;
    std::vector<std::string> list;
    std::vector<std::string> full_list{"one", "two"};
    std::uint32_t number = 7;
    bool flag = false;
    bool on = true;
    std::string of_table;
    std::string word;
};

class SettingsTest : public testing::Test {
  protected:
    /// A fresh Settings, bound to fresh `values_`, that loads these arguments.
    Result<Action> load(std::vector<std::string> arguments) {
        values_ = {};
        settings_.emplace("prog", "A program", "prog 1.2");
        settings_->text("-x,--text", values_.text, "Text");
        settings_->secret("-s,--secret", values_.secret, "Secret");
        settings_->text("--secret-file", values_.secret_file, "File with the secret");
        settings_->alternatives("secret", "secret-file");
        settings_->list("--list", values_.list, "List");
        settings_->number("--number", values_.number, "Number");
        settings_->flag("--flag", values_.flag, "Flag");
        settings_->list("--full-list", values_.full_list, "List with values");
        settings_->flag("--on", values_.on, "Flag that is set");
        settings_->text("--my-of-table", values_.of_table, "Text in a table");
        settings_->positional("word", values_.word, "Word");
        settings_->service_keys({"name", "backend"});
        settings_->require("number", [](const std::string& value) {
            return value == "13" ? fail(Errc::InvalidConfig, "brings bad luck") : Status{};
        });
        std::vector<const char*> argv{"prog"};
        for (const auto& argument : arguments) {
            argv.push_back(argument.c_str());
        }
        return settings_->load(static_cast<int>(argv.size()), argv.data());
    }

    Action load_well(std::vector<std::string> arguments) {
        const auto action = load(std::move(arguments));
        EXPECT_TRUE(action) << action.error().text;
        return action.value_or(Action::ShowText);
    }

    Error load_badly(std::vector<std::string> arguments) {
        const auto action = load(std::move(arguments));
        EXPECT_FALSE(action);
        return action ? Error{Errc::Internal, ""} : action.error();
    }

    std::string file_with(const std::string& text) {
        const auto path = directory_.file("config.toml");
        EXPECT_TRUE(write_file_atomically(path, text));
        return path.string();
    }

    test::TemporaryDirectory directory_;
    Values values_;
    std::optional<Settings> settings_;
};

TEST_F(SettingsTest, KeepsDefaultsWhenNothingIsSaid) {
    EXPECT_EQ(load_well({}), Action::Run);
    EXPECT_EQ(values_.text, "the default");
    EXPECT_EQ(values_.number, 7U);
    EXPECT_FALSE(values_.flag);
}

TEST_F(SettingsTest, TakesAFlagOverAVariableOverTheFile) {
    const auto file =
        file_with("text = \"file\"\nnumber = 1\nlist = [\"f\", \"g\"]\nflag = true\n");
    load_well({"--config", file});
    EXPECT_EQ(values_.text, "file");
    EXPECT_EQ(values_.number, 1U);
    EXPECT_THAT(values_.list, ElementsAre("f", "g"));
    EXPECT_TRUE(values_.flag);
    const Variable text("DIGLETT_TEXT", "variable");
    const Variable list("DIGLETT_LIST", "v,w");
    const Variable number("DIGLETT_NUMBER", "2");
    const Variable flag("DIGLETT_FLAG", "false");
    load_well({"--config", file});
    EXPECT_EQ(values_.text, "variable");
    EXPECT_EQ(values_.number, 2U);
    EXPECT_THAT(values_.list, ElementsAre("v", "w"));
    EXPECT_FALSE(values_.flag);
    load_well(
        {"--config", file, "--text", "flag", "--number=3", "--list", "x", "--list", "y", "--flag"});
    EXPECT_EQ(values_.text, "flag");
    EXPECT_EQ(values_.number, 3U);
    EXPECT_THAT(values_.list, ElementsAre("x", "y"));
    EXPECT_TRUE(values_.flag);
}

TEST_F(SettingsTest, FindsTheFileByTheVariable) {
    const Variable config("DIGLETT_CONFIG", file_with("text = \"file\"\n"));
    load_well({});
    EXPECT_EQ(values_.text, "file");
}

TEST_F(SettingsTest, TakesFlagsAnywhere) {
    load_well({"-x", "one", "word", "-d", "--flag", "-d"});
    EXPECT_EQ(values_.text, "one");
    EXPECT_EQ(values_.word, "word");
    EXPECT_EQ(settings_->log_options().level, LogLevel::Trace);
    load_well({"check", "-d"});
    EXPECT_EQ(settings_->log_options().level, LogLevel::Debug);
    EXPECT_TRUE(values_.word.empty());
}

TEST_F(SettingsTest, KnowsWhatIsAskedForBesidesRunning) {
    EXPECT_EQ(load_well({"check"}), Action::Check);
    EXPECT_EQ(load_well({"print-config"}), Action::PrintConfig);
    EXPECT_EQ(load_well({"--version"}), Action::ShowText);
    EXPECT_EQ(settings_->shown_text(), "prog 1.2\n");
    EXPECT_EQ(load_well({"--help"}), Action::ShowText);
    EXPECT_THAT(settings_->shown_text(), HasSubstr("--text"));
}

TEST_F(SettingsTest, RefusesACommandLineThatItDoesNotUnderstand) {
    const std::vector<std::vector<std::string>> lines{
        {"--nonsense"}, {"--number", "many"}, {"--number", "-1"},   {"--text"},
        {"one", "two"}, {"--flag=perhaps"},   {"--log-format", "x"}};
    for (const auto& line : lines) {
        EXPECT_EQ(load_badly(line).code, Errc::InvalidUsage) << line.front();
    }
}

TEST_F(SettingsTest, NamesFileLineAndKeyOfAMistakeInTheFile) {
    struct Case {
        std::string text;
        std::string key;
    };

    for (const auto& [text, key] :
         {Case{"nonsense = 1", "nonsense"}, Case{"number = \"many\"", "number"},
          Case{"number = -1", "number"}, Case{"number = 13", "number"},
          Case{"text = [\"a\", \"b\"]", "text"}, Case{"text = []", "text"},
          Case{"text = 1.5", "text"}, Case{"flag = \"perhaps\"", "flag"},
          Case{"flag = 7.0", "flag"}, Case{"[text]\nx = 1", "text"},
          Case{"[[service]]\nnonsense = 1", "nonsense"}}) {
        const auto file = file_with("\n" + text + "\n");
        const auto error = load_badly({"--config", file});
        EXPECT_EQ(error.code, Errc::InvalidConfig) << text;
        const int line = text.starts_with("[[") ? 3 : 2;
        EXPECT_THAT(error.text, HasSubstr(fmt::format("{}:{}", file, line))) << text;
        EXPECT_THAT(error.text, HasSubstr("'" + key + "'")) << text;
    }
}

TEST_F(SettingsTest, SaysThatAValueOfTheCommandLineIsRefused) {
    EXPECT_THAT(load_badly({"--number", "13"}).text, HasSubstr("--number: brings bad luck"));
}

TEST_F(SettingsTest, AFlagHidesAMistakeOfValueInTheFile) {
    const auto file = file_with("number = 13\n");
    load_well({"--config", file, "--number", "12"});
    EXPECT_EQ(values_.number, 12U);
}

TEST_F(SettingsTest, AFileThatIsMissingIsNamed) {
    const auto error = load_badly({"--config", "/nowhere/config.toml"});
    EXPECT_EQ(error.code, Errc::UnreadableFile);
    EXPECT_THAT(error.text, HasSubstr("/nowhere/config.toml"));
}

TEST_F(SettingsTest, AnEmptyListIsAList) {
    load_well({"--config", file_with("list = []\n")});
    EXPECT_TRUE(values_.list.empty());
}

TEST_F(SettingsTest, MasksSecretsWhereverTheyComeFrom) {
    const Variable variable("DIGLETT_SECRET", "hunter2-variable");
    load_well({"print-config"});
    EXPECT_EQ(values_.secret, "hunter2-variable");
    EXPECT_THAT(settings_->print(), Not(HasSubstr("hunter2")));
    EXPECT_THAT(settings_->print(), HasSubstr("secret = "));
    load_well({"--secret", "hunter2-flag"});
    EXPECT_THAT(settings_->print(), Not(HasSubstr("hunter2")));
    EXPECT_THAT(load_badly({"--secret", "hunter2", "--nonsense"}).text, Not(HasSubstr("hunter2")));
}

TEST_F(SettingsTest, PrintsWhatItWouldReadAgain) {
    load_well({"-d", "-d", "--text", "quote \" backslash \\ line\nend", "--list", "a", "--list",
               "b\"c", "--number", "9", "--flag", "--log-format", "json"});
    const auto before = values_;
    const auto printed = settings_->print();
    load_well({"--config", file_with(printed)});
    EXPECT_EQ(values_.text, before.text);
    EXPECT_EQ(values_.list, before.list);
    EXPECT_EQ(values_.number, before.number);
    EXPECT_EQ(values_.flag, before.flag);
    EXPECT_EQ(settings_->log_options().level, LogLevel::Trace);
    EXPECT_EQ(settings_->log_options().format, LogFormat::Json);
    EXPECT_EQ(settings_->print(), printed);
}

TEST_F(SettingsTest, PrintsDefaultsToo) {
    load_well({});
    EXPECT_THAT(settings_->print(), HasSubstr("text = \"the default\"\n"));
    EXPECT_THAT(settings_->print(), HasSubstr("number = 7\n"));
    EXPECT_THAT(settings_->print(), Not(HasSubstr("secret")));
    EXPECT_THAT(settings_->print(), Not(HasSubstr("\nlist")));
    EXPECT_THAT(settings_->print({"text"}), Not(HasSubstr("text = \"the default\"")));
}

TEST_F(SettingsTest, AKeyInATableIsTheFlag) {
    const auto file = file_with("[my]\nof-table = \"file\"\n");
    load_well({"--config", file});
    EXPECT_EQ(values_.of_table, "file");
    const Variable variable("DIGLETT_MY_OF_TABLE", "variable");
    load_well({"--config", file});
    EXPECT_EQ(values_.of_table, "variable");
    load_well({"--config", file, "--my-of-table", "flag"});
    EXPECT_EQ(values_.of_table, "flag");
}

TEST_F(SettingsTest, WhatIsOnByDefaultCanBeSwitchedOff) {
    load_well({});
    EXPECT_TRUE(values_.on);
    EXPECT_THAT(settings_->print(), HasSubstr("on = true\n"));
    load_well({"--on=false"});
    EXPECT_FALSE(values_.on);
    EXPECT_THAT(settings_->print(), HasSubstr("on = false\n"));
    load_well({"--config", file_with("on = false\n")});
    EXPECT_FALSE(values_.on);
    load_well({"--on"});
    EXPECT_TRUE(values_.on);
}

TEST_F(SettingsTest, AListMayHaveValuesByDefault) {
    load_well({});
    EXPECT_THAT(values_.full_list, ElementsAre("one", "two"));
    EXPECT_THAT(settings_->print(), HasSubstr("full-list = [\"one\", \"two\"]\n"));
    load_well({"--config", file_with("full-list = \"three\"\n")});
    EXPECT_THAT(values_.full_list, ElementsAre("three"));
    load_well({"--config", file_with("full-list = []\n")});
    EXPECT_TRUE(values_.full_list.empty());
    EXPECT_THAT(settings_->print(), HasSubstr("full-list = []\n"));
}

TEST_F(SettingsTest, HandsOnTheServicesOfTheFile) {
    load_well({"--config", file_with("[[service]]\nname = \"a\"\n[[service]]\nname = \"b\"\n")});
    ASSERT_EQ(settings_->services().size(), 2U);
    EXPECT_THAT(settings_->services()[1].at("name").values, ElementsAre("b"));
}

TEST_F(SettingsTest, TakesOfTwoAlternativesThatOfTheHigherLevel) {
    const auto file = file_with("secret-file = 'of the file'\n");
    load_well({"--config", file});
    EXPECT_EQ(values_.secret_file, "of the file");
    load_well({"--config", file, "-s", "flag"});
    EXPECT_EQ(values_.secret, "flag");
    EXPECT_EQ(values_.secret_file, "");
    EXPECT_THAT(settings_->print(), Not(HasSubstr("secret-file")));
    const Variable variable("DIGLETT_SECRET", "variable");
    load_well({"--config", file});
    EXPECT_EQ(values_.secret, "variable");
    EXPECT_EQ(values_.secret_file, "");
    load_well({"--config", file, "--secret-file", "flag"});
    EXPECT_EQ(values_.secret, "");
    EXPECT_EQ(values_.secret_file, "flag");
}

TEST_F(SettingsTest, RefusesTwoAlternativesOfOneLevel) {
    const auto flags = load_badly({"-s", "a", "--secret-file", "b"});
    EXPECT_EQ(flags, (Error{Errc::InvalidUsage, "--secret and --secret-file exclude each other"}));
    const auto file = file_with("secret = 'a'\nsecret-file = 'b'\n");
    const auto both = load_badly({"--config", file});
    EXPECT_EQ(both.code, Errc::InvalidConfig);
    EXPECT_THAT(both.text, HasSubstr(":1: keys 'secret' and 'secret-file' exclude each other"));
    const Variable one("DIGLETT_SECRET", "a");
    const Variable other("DIGLETT_SECRET_FILE", "b");
    EXPECT_EQ(load_badly({}).code, Errc::InvalidUsage);
    EXPECT_EQ(load_well({"-s", "a"}), Action::Run);
}

}  // namespace
}  // namespace diglett::app
