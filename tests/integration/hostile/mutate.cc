// SPDX-License-Identifier: Apache-2.0
#include "mutate.h"

#include <algorithm>
#include <array>
#include <string>

#include "vineyard/protocol/bytes.h"

namespace vineyard::hostile {

using namespace protocol;

// Members from what a daemon may stumble over: own and foreign numbers, borders, zero, the largest, random ones.
struct Mutator::Fill {
  std::mt19937_64& random;
  const Facts& facts;

  std::uint64_t number() {
    switch (random() % 8) {
      case 0: return random();
      case 1: return std::uint64_t{1} << (random() % 64);
      case 2: return (std::uint64_t{1} << (random() % 64)) - 1;
      case 3: return ~std::uint64_t{0} - random() % 3;
      case 4: return facts.serial + random() % 3 - 1;
      case 5:
        return facts.arenas.empty() ? facts.pin_table
                                    : facts.arenas[random() % facts.arenas.size()];
      case 6: return facts.ids.empty() ? 0 : facts.ids[random() % facts.ids.size()];
      default: return random() % 70;
    }
  }
  void operator()(std::string_view, std::uint32_t& value) {
    value = static_cast<std::uint32_t>(random() % 2 == 0 ? random() % 4 : number());
  }
  void operator()(std::string_view, std::uint64_t& value) { value = number(); }
  void operator()(std::string_view, std::string& value) {
    constexpr std::array<std::string_view, 16> kTexts = {"",
                                                         "a",
                                                         "name",
                                                         "*",
                                                         "**********a",
                                                         "?[a-",
                                                         "[!]",
                                                         "(a*)*b",
                                                         "(((((((((((((((((",
                                                         "../../../../etc/passwd",
                                                         std::string_view("a\0b", 3),
                                                         "\xff\xfe\xc0\x80",
                                                         "o00000000deadbeef",
                                                         "\xf0\x9f\x8d\x87",
                                                         "a{1000}{1000}{1000}",
                                                         ".*"};
    value = kTexts[random() % kTexts.size()];
    if (random() % 16 == 0) value.append(random() % 3000, static_cast<char>(random()));
  }
  void operator()(std::string_view, wire::Ids& ids) {
    ids.resize(random() % 64 == 0 ? random() % limits::kIdsPerMessage : random() % 6);
    for (auto& id : ids) id = number();
  }
  void operator()(std::string_view name, wire::Texts& texts) {
    texts.resize(random() % 6);
    for (auto& text : texts) (*this)(name, text);
  }
};

namespace {

template <AnyMessage M, class Fill>
void make(Buffer& frame, std::uint64_t id, Fill& fill, std::uint64_t spared) {
  M message;
  message.visit(fill);
  if constexpr (std::is_same_v<M, KickRequest>) {
    if (message.serial == spared) message.serial = 0;
  }
  if constexpr (NoticeMessage<M>) {
    (void)encode(frame, message);
  } else {
    (void)encode(frame, id, message);
  }
}

}  // namespace

void Mutator::message(Buffer& frame, const Facts& facts) {
  Fill fill{random_, facts};
  const std::uint64_t id = 1 + random_() % 1000;  // also ids that were used before
  using One = void (*)(Buffer&, std::uint64_t, Fill&, std::uint64_t);
  static constexpr One kAll[] = {
#define VY_MAKE_kCall(Name) \
  make<Name##Request, Fill>, make<Name##Request, Fill>, make<Name##Reply, Fill>,
#define VY_MAKE_kOneWay(Name) make<Name##Notice, Fill>,
#define VY_MESSAGE(number, Name, direction, text, request, reply) VY_MAKE_##direction(Name)
#include "vineyard/protocol/message_table.def"
  };
  kAll[random_() % std::size(kAll)](frame, id, fill, spared_);
  if (frame.empty()) (void)encode(frame, id, StatusRequest{});
  if (one_in(3)) spoil_body(frame);
}

// Wrong bytes, cut or prolonged, behind a header that says the right length. Never a Kick: it could become the wrong one.
void Mutator::spoil_body(Buffer& frame) {
  const auto opcode = load_le<std::uint16_t>(frame.data() + 6);
  if (opcode == static_cast<std::uint16_t>(Opcode::kKick)) return;
  if (one_in(3)) frame.resize(kHeaderBytes + random_() % (frame.size() - kHeaderBytes + 40));
  for (auto changes = random_() % 4; changes > 0 && frame.size() >= kHeaderBytes + 4; --changes) {
    std::byte* at = frame.data() + kHeaderBytes + random_() % (frame.size() - kHeaderBytes - 3);
    const std::array<std::uint32_t, 5> words = {0, 0xffffffff, 0x80000000,
                                                static_cast<std::uint32_t>(random_()),
                                                static_cast<std::uint32_t>(frame.size())};
    store_le(at, words[random_() % words.size()]);
  }
  store_le(frame.data() + 12, static_cast<std::uint32_t>(frame.size() - kHeaderBytes));
}

void Mutator::garbage(Buffer& packet, const Facts& facts) {
  message(packet, facts);
  // What makes it a Kick stays away from here for the same reason as above.
  if (load_le<std::uint16_t>(packet.data() + 6) == static_cast<std::uint16_t>(Opcode::kKick)) {
    (void)encode(packet, 1, FetchRequest{});
  }
  switch (random_() % 6) {
    case 0: packet.resize(1 + random_() % packet.size()); break;  // cut anywhere
    case 1: packet.resize(packet.size() + 1 + random_() % 100); break;
    case 2:  // nothing of a frame
      packet.resize(1 + random_() % 200);
      for (auto& byte : packet) byte = static_cast<std::byte>(random_());
      break;
    default:
      for (auto flips = 1 + random_() % 4; flips > 0; --flips) {
        std::size_t at = random_() % std::min<std::size_t>(packet.size(), 48);
        if (at == 6 || at == 7) at = 8;
        packet[at] ^= static_cast<std::byte>(1U << (random_() % 8));
      }
  }
}

}  // namespace vineyard::hostile
