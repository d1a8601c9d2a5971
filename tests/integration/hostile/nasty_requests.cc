// SPDX-License-Identifier: Apache-2.0
// Well-formed requests that ask for what nobody should ask for.
#include "nasty_cases.h"
#include "vineyard/protocol/version.h"

namespace vineyard::hostile {
namespace {

using namespace protocol;
using Start = NastyCase::Start;

constexpr std::uint32_t kMax32 = 0xffffffff;
constexpr std::uint64_t kMax64 = ~std::uint64_t{0};

// Cases of a single request; `make` may look at the attacker's facts.
struct Adder {
  std::vector<NastyCase>& cases;

  template <class Make>
  void operator()(std::string name, const Make& make, Start start = Start::kJoined) const {
    cases.push_back({std::move(name), start, [make](Attacker& a) { a.request(make(a)); }});
  }
  template <RequestMessage M>
  void each(const std::string& name, std::initializer_list<std::uint64_t> values,
            M (*make)(std::uint64_t)) const {
    for (std::uint64_t value : values) {
      (*this)(name + " " + std::to_string(value), [make, value](Attacker&) { return make(value); });
    }
  }
};

void add_joins(const Adder& add) {
  for (const std::uint32_t version : {0U, 2U, kMax32}) {
    add(
        "Join with version " + std::to_string(version),
        [version](Attacker&) {
          return JoinRequest{.protocol_version = version, .pid = 1, .program = "p"};
        },
        Start::kConnected);
  }
  for (const std::uint64_t pid : std::initializer_list<std::uint64_t>{0, 1, kMax64}) {
    add(
        "Join as process " + std::to_string(pid),
        [pid](Attacker&) {
          return JoinRequest{.protocol_version = kProtocolVersion, .pid = pid, .program = ""};
        },
        Start::kConnected);
  }
  for (const std::string& program :
       {std::string(60000, 'p'), std::string("\0\n\x1b[2J\xff", 7), std::string("%s%n{}\"\\")}) {
    add(
        "Join as a program with an odd name of " + std::to_string(program.size()),
        [program](Attacker&) {
          return JoinRequest{.protocol_version = kProtocolVersion, .pid = 1, .program = program};
        },
        Start::kConnected);
  }
  add("Join again", [](Attacker&) {
    return JoinRequest{.protocol_version = kProtocolVersion, .pid = 1, .program = "again"};
  });
}

void add_memory(const Adder& add) {
  for (const std::uint32_t kind : {0U, 1U, 2U, 3U, 4U, kMax32}) {
    for (const std::uint64_t number :
         std::initializer_list<std::uint64_t>{0, 1, 2, kMax32, kMax64}) {
      const std::string what =
          "kind " + std::to_string(kind) + ", number " + std::to_string(number);
      add("Mapped " + what,
          [kind, number](Attacker&) { return MappedRequest{.kind = kind, .number = number}; });
      add("Descriptor " + what,
          [kind, number](Attacker&) { return DescriptorRequest{.kind = kind, .number = number}; });
    }
  }
  add("Mapped outbox again",
      [](Attacker& a) { return MappedRequest{.kind = 1, .number = a.facts().serial}; });
  add("Mapped pin table again",
      [](Attacker& a) { return MappedRequest{.kind = 2, .number = a.facts().pin_table}; });
  add("Descriptor of the own outbox",
      [](Attacker& a) { return DescriptorRequest{.kind = 1, .number = a.facts().serial}; });
  add.each<NewArenaRequest>("NewArena of",
                            {0, 1, 63, 1ULL << 32, 1ULL << 46, 1ULL << 63, kMax64 - 4095, kMax64},
                            [](std::uint64_t size) { return NewArenaRequest{.size = size}; });
  add.each<DropArenaRequest>("DropArena", {0, 1, 63, 64, kMax32}, [](std::uint64_t n) {
    return DropArenaRequest{.list_number = static_cast<std::uint32_t>(n)};
  });
  for (const std::uint64_t place :
       std::initializer_list<std::uint64_t>{0, 1, 64ULL << 32, 1ULL << 63, kMax64}) {
    for (const std::uint64_t size :
         std::initializer_list<std::uint64_t>{0, 1, 1ULL << 46, kMax64}) {
      add("Publish place " + std::to_string(place) + ", size " + std::to_string(size),
          [place, size](Attacker&) {
            return PublishRequest{
                .id = 0, .blob = size % 2 == 0 ? 1U : 0U, .place = place, .size = size};
          });
    }
  }
  add.each<PublishRequest>(
      "Publish as", {1, 1ULL << 62, 1ULL << 63, kMax64 - 1, kMax64},
      [](std::uint64_t id) { return PublishRequest{.id = id, .blob = 1, .place = 0, .size = 64}; });
}

void add_objects(const Adder& add) {
  add.each<ReserveRequest>("Reserve", {2, kMax32}, [](std::uint64_t blob) {
    return ReserveRequest{.blob = static_cast<std::uint32_t>(blob)};
  });
  add.each<FetchRequest>("Fetch", {0, 1, 1ULL << 62, 1ULL << 63, kMax64 - 1, kMax64},
                         [](std::uint64_t id) { return FetchRequest{.id = id, .wait_ms = 0}; });
  add.each<FetchRequest>(
      "Fetch of nothing, waiting", {1, 1ULL << 31, 1ULL << 63, kMax64},
      [](std::uint64_t ms) { return FetchRequest{.id = 1ULL << 61, .wait_ms = ms}; });
  for (const std::size_t count : {0U, 1U, 4000U}) {
    for (const std::uint64_t id : std::initializer_list<std::uint64_t>{0, 1ULL << 63, kMax64}) {
      const std::string what = std::to_string(count) + " times " + std::to_string(id);
      const wire::Ids ids(count, id);
      add("Delete " + what,
          [ids](Attacker&) { return DeleteRequest{.ids = ids, .deep = 1, .force = 1}; });
      add("Exists " + what, [ids](Attacker&) { return ExistsRequest{.ids = ids}; });
    }
  }
  add("Delete with flags of no meaning",
      [](Attacker&) { return DeleteRequest{.ids = {1}, .deep = kMax32, .force = 77}; });
}

void add_names(const Adder& add) {
  const std::pair<const char*, std::string> names[] = {
      {"empty", ""},
      {"with a NUL", std::string("a\0b", 3)},
      {"of another alphabet's bytes", "\xff\xfe\xfd"},
      {"that climbs", "../../../../../etc/shadow"},
      {"that is absolute", "/etc/passwd"},
      {"that looks like an id", "o0000000000000001"},
      {"with control characters", "\x1b]0;owned\x07\r\n"},
      {"with a format", "%s%s%s%n{}{0}"},
      {"at the limit", std::string(limits::kMaxName, 'n')},
      {"beyond the limit", std::string(limits::kMaxName + 1, 'n')},
      {"of 60,000 bytes", std::string(60000, 'n')},
  };
  for (const auto& [what, name] : names) {
    const std::string text = std::string(" a name ") + what;
    add("PutName" + text,
        [name = name](Attacker&) { return PutNameRequest{.name = name, .id = 1, .mode = 0}; });
    add("GetName" + text,
        [name = name](Attacker&) { return GetNameRequest{.name = name, .wait_ms = 0}; });
    add("GetName, for ever," + text,
        [name = name](Attacker&) { return GetNameRequest{.name = name, .wait_ms = kMax64}; });
    add("DropName" + text, [name = name](Attacker&) { return DropNameRequest{.name = name}; });
    add("ListNames after" + text, [name = name](Attacker&) {
      return ListNamesRequest{.pattern = "*", .syntax = 0, .limit = kMax32, .after = name};
    });
  }
  add("PutName with a mode of no meaning",
      [](Attacker&) { return PutNameRequest{.name = "m", .id = kMax64, .mode = kMax32}; });
}

void add_patterns(const Adder& add) {
  const std::pair<const char*, std::string> patterns[] = {
      {"(a*)*b", "(a*)*b"},
      {"(a|a)*", "(a|a|a|a|a|a|a|a)*$"},
      {"deep", std::string(20000, '(') + std::string(20000, ')')},
      {"open", std::string(30000, '(')},
      {"counted", "((a{100}){100}){100}"},
      {"many stars", std::string(60000, '*')},
      {"stars and letters",
       [] {
         std::string text;
         for (int i = 0; i < 20000; ++i) text += "*a";
         return text;
       }()},
      {"an open set", "[" + std::string(60000, 'a')},
      {"a backslash at the end", "abc\\"},
      {"a back-reference", "(a)\\1"},
      {"a look-ahead", "(?=a)b"},
      {"a NUL", std::string("a\0*", 3)},
      {"no text", "\xff\xff\xc0"},
      {"large classes", "\\p{L}{1000}"},
  };
  for (const auto& [what, pattern] : patterns) {
    for (const std::uint32_t syntax : {0U, 1U, 2U}) {
      const std::string text =
          std::string(" pattern ") + what + ", syntax " + std::to_string(syntax);
      add("ListNames" + text, [pattern = pattern, syntax](Attacker&) {
        return ListNamesRequest{.pattern = pattern, .syntax = syntax, .limit = 10, .after = ""};
      });
      add("List" + text, [pattern = pattern, syntax](Attacker&) {
        return ListRequest{.pattern = pattern, .syntax = syntax, .limit = 10, .cursor = 0};
      });
    }
  }
  add.each<ListRequest>(
      "List from cursor", {1, 1ULL << 24, 1ULL << 32, kMax64}, [](std::uint64_t cursor) {
        return ListRequest{.pattern = "*", .syntax = 0, .limit = kMax32, .cursor = cursor};
      });
  add("List without a limit",
      [](Attacker&) { return ListRequest{.pattern = "*", .syntax = 0, .limit = 0, .cursor = 0}; });
}

}  // namespace

void add_request_cases(std::vector<NastyCase>& cases) {
  const Adder add{cases};
  add_joins(add);
  add_memory(add);
  add_objects(add);
  add_names(add);
  add_patterns(add);
  add.each<KickRequest>("Kick", {0, kMax32, kMax64},
                        [](std::uint64_t serial) { return KickRequest{.serial = serial}; });
  add("Kick itself", [](Attacker& a) { return KickRequest{.serial = a.facts().serial}; });
}

}  // namespace vineyard::hostile
