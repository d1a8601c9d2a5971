// SPDX-License-Identifier: Apache-2.0
// Replays tests/golden/documents. With VINEYARD_WRITE_GOLDEN=1 the `hex` and `shown` of each vector are written anew, from
// its `document`.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "vineyard/meta/document_json.h"
#include "vineyard/meta/validate.h"

namespace vineyard::meta {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(VINEYARD_GOLDEN_DIR) / "documents";
constexpr ObjectId kShownId = ObjectId(0x0000123456789abc);

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string to_hex(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<int>(b) >> 4];
    text += kDigits[std::to_integer<int>(b) & 15];
  }
  return text;
}

// The bytes in words, so that they are aligned.
std::vector<std::uint64_t> from_hex(const std::string& text) {
  std::vector<std::uint64_t> words((text.size() / 2 + 7) / 8);
  auto* bytes = reinterpret_cast<unsigned char*>(words.data());
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes[i / 2] = static_cast<unsigned char>(std::stoul(text.substr(i, 2), nullptr, 16));
  return words;
}

std::string exact_json(const DocumentView& view, JsonStyle style = JsonStyle::kCompact) {
  JsonWriter writer(style);
  write_exact_json(writer, view);
  return writer.take();
}

std::vector<std::filesystem::path> vectors() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    if (entry.path().extension() == ".json" && entry.path().stem() != "refused")
      paths.push_back(entry.path());
  return paths;
}

void write_anew(const std::filesystem::path& path) {
  const auto json = JsonValue::parse(read_file(path));
  ASSERT_TRUE(json) << json.error().to_string();
  DocumentBuilder builder;
  ASSERT_TRUE(read_exact_json(*json->find("document"), builder));
  const auto bytes = *builder.finish();
  JsonWriter writer(JsonStyle::kIndented);
  writer.begin_object().field("about", *json->find("about")->as_text()).key("document");
  write_exact_json(writer, *validate(bytes));
  writer.key("shown");
  write_json(writer, *validate(bytes), kShownId);
  writer.field("hex", to_hex(bytes)).end_object();
  std::ofstream(path) << writer.text() << '\n';
}

TEST(DocumentVectors, are_what_we_read_and_write) {
  ASSERT_GE(vectors().size(), 5U);
  for (const auto& path : vectors()) {
    SCOPED_TRACE(path);
    if (std::getenv("VINEYARD_WRITE_GOLDEN") != nullptr) write_anew(path);
    const auto json = JsonValue::parse(read_file(path));
    ASSERT_TRUE(json) << json.error().to_string();
    const std::string& hex = *json->find("hex")->as_text();
    const auto words = from_hex(hex);
    const auto view = validate(std::as_bytes(std::span(words)).first(hex.size() / 2));
    ASSERT_TRUE(view) << view.error().to_string();

    JsonWriter expected;
    json->find("document")->write(expected);
    EXPECT_EQ(exact_json(*view), expected.text());
    JsonWriter shown;
    json->find("shown")->write(shown);
    EXPECT_EQ(to_json(*view, kShownId), shown.text());

    DocumentBuilder builder;
    ASSERT_TRUE(read_exact_json(*json->find("document"), builder));
    EXPECT_EQ(to_hex(*builder.finish()), hex)
        << "our builder, fed in the order of the JSON, no longer makes these bytes";
  }
}

TEST(DocumentVectors, that_must_be_refused_are_refused) {
  const auto json = JsonValue::parse(read_file(kFolder / "refused.json"));
  ASSERT_TRUE(json) << json.error().to_string();
  ASSERT_GE(json->as_array()->size(), 10U);
  for (const JsonValue& vector : *json->as_array()) {
    SCOPED_TRACE(*vector.find("why")->as_text());
    const std::string& hex = *vector.find("hex")->as_text();
    const auto words = from_hex(hex);
    const auto view = validate(std::as_bytes(std::span(words)).first(hex.size() / 2));
    ASSERT_FALSE(view);
    EXPECT_EQ(std::string(name_of(view.error().code())), *vector.find("code")->as_text());
  }
}

}  // namespace
}  // namespace vineyard::meta
