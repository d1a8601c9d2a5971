// SPDX-License-Identifier: Apache-2.0
// Writes the golden vectors of all messages below tests/golden.
#include <functional>
#include <utility>

#include "vector_json.h"

namespace vineyard::golden {
namespace {

using namespace protocol;

enum class Sample { kTypical, kEmpty, kLargest };

// Content for the members of a message: the same at every run, and different for each member, so that two that were
// swapped would show.
struct Fill {
  Sample sample;
  std::uint32_t next = 1;

  void operator()(std::string_view, std::uint32_t& value) {
    if (sample == Sample::kTypical) value = next++;
    if (sample == Sample::kLargest) value = 0xffffffff - next++;
  }
  void operator()(std::string_view, std::uint64_t& value) {
    if (sample == Sample::kTypical) value = 0x0102030405060700 + next++;
    if (sample == Sample::kLargest) value = ~std::uint64_t{0} - next++;
  }
  void operator()(std::string_view name, std::string& value) {
    if (sample == Sample::kTypical) value = std::string(name) + "-" + std::to_string(next++);
    if (sample == Sample::kLargest)
      value = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x87 \"\\\n\t*?[" + std::to_string(next++);
  }
  template <class T>
  void operator()(std::string_view name, std::vector<T>& list) {
    if (sample == Sample::kEmpty) return;
    list.resize(sample == Sample::kTypical ? 2 : 5);
    for (T& item : list) (*this)(name, item);
  }
};

template <AnyMessage M>
void add_vectors(std::vector<std::string>& lines) {
  const std::pair<Sample, std::string_view> samples[] = {
      {Sample::kTypical, "typical"}, {Sample::kEmpty, "empty"}, {Sample::kLargest, "largest"}};
  for (const auto& [sample, name] : samples) {
    M message;
    bool has_members = false;
    message.visit([&has_members](std::string_view, const auto&) { has_members = true; });
    if (!has_members && sample != Sample::kEmpty) continue;
    message.visit(Fill{sample});
    boost::json::object vector{{"message", M::kName}, {"sample", name}};
    std::uint64_t request_id = 0;
    std::uint32_t deadline_ms = 0;
    if (M::kKind != FrameKind::kOneWay) {
      request_id = sample == Sample::kLargest ? ~std::uint64_t{0} : 7;
      vector["request_id"] = request_id;
    }
    if (M::kKind == FrameKind::kRequest) {
      deadline_ms = sample == Sample::kEmpty ? 0 : sample == Sample::kTypical ? 1500 : 0xffffffff;
      vector["deadline_ms"] = deadline_ms;
    }
    vector["fields"] = fields_of(message);
    vector["hex"] = to_hex(encode_any(request_id, deadline_ms, message));
    lines.push_back(boost::json::serialize(vector));
  }
}

// A list with one vector a line, so that a change shows as what it is.
std::string list_text(std::string_view name, const std::vector<std::string>& lines) {
  std::string text = "  \"" + std::string(name) + "\": [\n";
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += "    " + lines[i] + (i + 1 < lines.size() ? ",\n" : "\n");
  return text + "  ]\n}\n";
}

void write_message(std::string_view name, Opcode opcode, const std::vector<std::string>& lines) {
  const std::string head = "{\n  \"name\": \"" + std::string(name) +
                           "\",\n  \"opcode\": " + std::to_string(std::to_underlying(opcode)) +
                           ",\n";
  write_text("messages/" + file_name(name) + ".json", head + list_text("vectors", lines));
}

void write_errors() {
  std::vector<std::string> lines;
  for (auto code = std::to_underlying(ErrorCode::kNotFound);
       code <= std::to_underlying(ErrorCode::kExists); ++code) {
    Buffer buffer;
    const auto number = static_cast<ErrorCode>(code);
    const std::string message = "what happened, as a sentence (" + std::to_string(code) + ")";
    encode_error(buffer, 13, 7, Error(number, message));
    lines.push_back(boost::json::serialize(boost::json::object{{"code", name_of(number)},
                                                               {"opcode", 13},
                                                               {"request_id", 7},
                                                               {"message", message},
                                                               {"hex", to_hex(buffer)}}));
  }
  write_text("frames/errors.json", "{\n" + list_text("vectors", lines));
}

void write_refused() {
  std::vector<std::string> lines;
  const auto good = encode_any(7, 1500, FetchRequest{.id = 1, .wait_ms = 2});
  const auto add = [&lines](std::string_view why, std::string_view code,
                            std::span<const std::byte> packet) {
    lines.push_back(boost::json::serialize(
        boost::json::object{{"why", why}, {"code", code}, {"hex", to_hex(packet)}}));
  };
  const auto add_changed = [&](std::string_view why, std::string_view code, std::size_t at,
                               unsigned value) {
    Buffer changed = good;
    changed[at] = static_cast<std::byte>(value);
    add(why, code, changed);
  };
  Buffer longer = good;
  longer.push_back(std::byte{0});
  add("empty", "corrupt", {});
  add("shorter than a header", "corrupt", std::span(good).first(31));
  add("the body is cut", "corrupt", std::span(good).first(good.size() - 1));
  add("a byte too many", "corrupt", longer);
  add_changed("another magic", "corrupt", 0, 'v');
  add_changed("another version", "unsupported", 4, 2);
  add_changed("kind 0", "corrupt", 8, 0);
  add_changed("kind 4", "corrupt", 8, 4);
  add_changed("a request with a status", "corrupt", 9, 1);
  add_changed("the first reserved field is not 0", "corrupt", 10, 1);
  add_changed("longer than a frame may be", "corrupt", 14, 255);
  add_changed("a request without an id", "corrupt", 16, 0);
  add_changed("a reply with a deadline", "corrupt", 8, 2);
  add_changed("a one-way message with an id", "corrupt", 8, 3);
  add_changed("the second reserved field is not 0", "corrupt", 31, 1);
  write_text("frames/refused.json", "{\n" + list_text("vectors", lines));
}

void write_all() {
#define VY_ADD_kCall(Name)           \
  add_vectors<Name##Request>(lines); \
  add_vectors<Name##Reply>(lines);
#define VY_ADD_kOneWay(Name) add_vectors<Name##Notice>(lines);
#define VY_MESSAGE(number, Name, direction, text, request, reply)          \
  {                                                                        \
    std::vector<std::string> lines;                                        \
    VY_ADD_##direction(Name) write_message(#Name, Opcode::k##Name, lines); \
  }
#include "vineyard/protocol/message_table.def"
  write_errors();
  write_refused();
}

}  // namespace
}  // namespace vineyard::golden

int main() {
  vineyard::golden::write_all();
  return 0;
}
