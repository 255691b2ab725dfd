#include "auth/grid/chain/rpc_message.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

namespace json = boost::json;
using test::text_at;

const json::array& exchanges() {
    static const json::value all = test::load_vectors("grid/rpc_examples.json");
    return test::array_at(all, "exchanges");
}

TEST(RpcMessage, WritesWhatTheExamplesAsk) {
    std::size_t written = 0;
    for (const auto& exchange : exchanges()) {
        const auto& request = exchange.at("request");
        std::vector<std::string> params;
        bool is_ours = true;
        for (const auto& param : test::array_at(request, "params")) {
            is_ours = is_ours && param.is_string();
            if (is_ours) {
                params.emplace_back(std::string_view(param.as_string()));
            }
        }
        if (!is_ours) {
            continue;  // a list of keys at once, which is not used
        }
        const auto text = write_request(request.at("id").to_number<std::uint64_t>(),
                                        text_at(request, "method"), params);
        EXPECT_EQ(json::parse(text), request);
        ++written;
    }
    EXPECT_EQ(written, 6U);
}

TEST(RpcMessage, UnderstandsTheExamples) {
    for (const auto& exchange : exchanges()) {
        const auto method = text_at(exchange.at("request"), "method");
        if (method == "state_queryStorageAt") {
            continue;
        }
        const auto& response = exchange.at("response");
        const auto reply = parse_reply(json::serialize(response));
        ASSERT_TRUE(reply) << method;
        EXPECT_EQ(reply->id, response.at("id").to_number<std::uint64_t>());
        ASSERT_EQ(reply->result.has_value(), response.as_object().contains("result"));
        if (!reply->result) {
            EXPECT_TRUE(reply->result.error().starts_with("4003 Client error: UnknownBlock"));
        } else if (method == "chain_getFinalizedHead") {
            EXPECT_EQ(parse_hash(*reply->result), text_at(response, "result"));
        } else if (method == "state_getRuntimeVersion") {
            EXPECT_EQ(parse_runtime(*reply->result),
                      (RuntimeVersion{.spec_name = "substrate-threefold", .spec_version = 152}));
        } else {
            const auto stored = parse_storage(*reply->result);
            ASSERT_TRUE(stored);
            EXPECT_EQ(*stored, test::storage_value(response.at("result")));
        }
    }
}

TEST(RpcMessage, RefusesWhatIsNoAnswer) {
    for (const std::string_view text : {
             R"()",
             R"([])",
             R"("0x")",
             R"({"jsonrpc":"2.0","id":1})",
             R"({"id":1,"result":null})",
             R"({"jsonrpc":"1.0","id":1,"result":null})",
             R"({"jsonrpc":2.0,"id":1,"result":null})",
             R"({"jsonrpc":"2.0","result":null})",
             R"({"jsonrpc":"2.0","id":null,"result":null})",
             R"({"jsonrpc":"2.0","id":"1","result":null})",
             R"({"jsonrpc":"2.0","id":-1,"result":null})",
             R"({"jsonrpc":"2.0","id":1.0,"result":null})",
             R"({"jsonrpc":"2.0","id":1,"id":1,"result":null})",
             R"({"jsonrpc":"2.0","id":1,"result":null,"result":"0x00"})",
             R"({"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":"a"}})",
             R"({"jsonrpc":"2.0","id":1,"error":null})",
             R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})",
             R"({"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"a"}})",
             R"({"jsonrpc":"2.0","id":1,"result":null} {})",
             R"({"jsonrpc":"2.0","id":1,"result":[[[[[0]]]]]})",
             R"([{"jsonrpc":"2.0","id":1,"result":null}])",
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\"}",
         }) {
        EXPECT_FALSE(parse_reply(text)) << text;
    }
    const std::string long_one =
        R"({"jsonrpc":"2.0","id":1,"result":")" + std::string(kMaxAnswerBytes, '0') + "\"}";
    EXPECT_FALSE(parse_reply(long_one));
    EXPECT_TRUE(parse_reply(R"({"jsonrpc":"2.0","id":18446744073709551615,"result":null,"x":1})"));
}

TEST(RpcMessage, TellsNullFromWhatIsNoValue) {
    EXPECT_EQ(parse_storage(nullptr).value(), StorageValue());
    EXPECT_EQ(parse_storage("0x").value(), StorageValue(ByteVector()));
    EXPECT_EQ(parse_storage("0x0aFf").value(),
              StorageValue(ByteVector{std::byte{10}, std::byte{255}}));
    for (const json::value& wrong :
         {json::value("0x0"), json::value("00"), json::value(""), json::value("0x0g"),
          json::value("0X00"), json::value("0x 1"), json::value(0), json::value(false),
          json::value(json::array{"0x00"}), json::value(json::object())}) {
        EXPECT_FALSE(parse_storage(wrong)) << json::serialize(wrong);
    }
}

TEST(RpcMessage, WantsAWholeHash) {
    const std::string digits(64, 'a');
    EXPECT_EQ(parse_hash(json::value("0x" + digits)), "0x" + digits);
    for (const std::string& wrong : {digits, "0x" + digits.substr(1), "0x" + digits + "a",
                                     "0x" + std::string(64, '0'), "0x" + std::string(64, 'g')}) {
        EXPECT_FALSE(parse_hash(json::value(wrong))) << wrong;
    }
    EXPECT_FALSE(parse_hash(nullptr));
}

TEST(RpcMessage, WantsAWholeVersion) {
    for (const std::string_view text :
         {R"({})", R"([])", R"({"specName":"a"})", R"({"specName":1,"specVersion":1})",
          R"({"specName":"a","specVersion":"1"})", R"({"specName":"a","specVersion":4294967296})",
          R"({"specName":"a","specVersion":-1})", R"({"specName":"a","specVersion":1.5})"}) {
        EXPECT_FALSE(parse_runtime(json::parse(text))) << text;
    }
}

}  // namespace
}  // namespace diglett::auth::grid
