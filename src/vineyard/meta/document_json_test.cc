// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document_json.h"

#include <gtest/gtest.h>

#include "vineyard/meta/fakes/random_document.h"
#include "vineyard/meta/validate.h"

namespace vineyard::meta {
namespace {

TEST(DocumentJson, shows_objects_as_existing_clients_do) {
  DocumentBuilder b("vineyard::Tensor<float>");
  b.set_nbytes(b.root(), 8);
  b.add_buffer(b.root(), "buffer_", b.add_payload(ObjectId(0x8000000000000005)), 64, 8);
  b.set(b.root(), "shape_", "[2]");
  b.set(b.root(), "x", 0.5);
  b.set(b.root(), "list", std::span<const std::int64_t>(std::vector<std::int64_t>{1, 2}));
  b.add_member(b.root(), "other", ObjectId(6));
  b.set(b.add_node(b.root(), "inner", "t"), "k", true);
  b.set(b.root(), "id", "a field that would hide the object's id");
  EXPECT_EQ(
      to_json(*validate(*b.finish()), ObjectId(7)),
      R"({"id":"o0000000000000007","typename":"vineyard::Tensor<float>","nbytes":8,)"
      R"("buffer_":{"id":"o8000000000000005","typename":"vineyard::Blob","nbytes":8,"offset":64,"length":8},)"
      R"("inner":{"typename":"t","nbytes":0,"k":true},"list":[1,2],"other":{"id":"o0000000000000006"},)"
      R"("shape_":"[2]","x":0.5})");
}

TEST(DocumentJson, has_an_exact_form_that_makes_the_same_document_again) {
  DocumentBuilder builder;
  DocumentBuilder again;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const testing::Tree tree = testing::RandomTrees(seed).make();
    testing::put_tree(builder, tree);
    JsonWriter writer;
    write_exact_json(writer, *validate(*builder.finish()));
    const auto json = JsonValue::parse(writer.text());
    ASSERT_TRUE(json) << json.error().to_string();
    const auto read = read_exact_json(*json, again);
    ASSERT_TRUE(read) << read.error().to_string();
    const auto bytes = again.finish();
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    ASSERT_TRUE(testing::same_tree(tree, *validate(*bytes)));
  }
}

TEST(DocumentJson, refuses_what_is_not_of_the_exact_form) {
  DocumentBuilder b;
  for (const char* text : {
           "1",
           "{}",
           R"({"root":{}})",
           R"({"root":{"typename":1}})",
           R"({"root":{"typename":"t","nbytes":-1}})",
           R"({"root":{"typename":"t","fields":[]}})",
           R"({"root":{"typename":"t","fields":{"a":[]}}})",
           R"({"root":{"typename":"t","fields":{"a":{"what":1}}}})",
           R"({"root":{"typename":"t","fields":{"a":{"double":"1"}}}})",
           R"({"root":{"typename":"t","fields":{"a":{"bytes":"a"}}}})",
           R"({"root":{"typename":"t","fields":{"a":{"bools":[1]}}}})",
           R"({"root":{"typename":"t","members":{"a":{}}}})",
           R"({"root":{"typename":"t","members":{"a":{"object":"x"}}}})",
           R"({"root":{"typename":"t","members":{"a":{"buffer":[1]}}}})",
           R"({"payloads":[1],"root":{"typename":"t"}})",
       }) {
    const auto read = read_exact_json(*JsonValue::parse(text), b);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalid);
  }
  EXPECT_TRUE(read_exact_json(*JsonValue::parse(R"({"root":{"typename":"t"}})"), b));
}

TEST(Base64, reads_back_what_it_wrote) {
  std::string bytes;
  for (int size = 0; size < 70; ++size) {
    const std::string text = to_base64(std::as_bytes(std::span(bytes)));
    EXPECT_EQ(*from_base64(text), bytes);
    bytes += static_cast<char>(size * 37 + 1);
  }
  EXPECT_EQ(to_base64(std::as_bytes(std::span("foob", 4))), "Zm9vYg==");
}
TEST(Base64, refuses_everything_else) {
  for (const char* text : {"a", "ab=", "a===", "ab=c", "====", "ab*=", "ab==abcd"})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace vineyard::meta
