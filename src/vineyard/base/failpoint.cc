// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/failpoint.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace vineyard {
namespace {

struct Action {
  std::string name;  // "*" for every failpoint
  std::string what;
  double probability = 1;
};

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

const std::vector<Action>& actions() {
  static const std::vector<Action>* const parsed = [] {
    auto* list = new std::vector<Action>;  // NOLINT: lives as long as the process
    const char* text = std::getenv("VINEYARD_FAILPOINTS");
    for (const std::string& item : split(text ? text : "", ',')) {
      const std::size_t equals = item.find('=');
      if (equals == std::string::npos) continue;
      Action a;
      a.name = item.substr(0, equals);
      const auto parts = split(std::string_view(item).substr(equals + 1), ':');
      if (parts.empty()) continue;
      a.what = parts[0];
      if (parts.size() > 1) a.probability = std::strtod(parts[1].c_str(), nullptr);
      list->push_back(a);
    }
    return list;
  }();
  return *parsed;
}

double chance() {
  static std::atomic<std::uint64_t> state{
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) | 1};
  std::uint64_t x = state.fetch_add(0x9e3779b97f4a7c15ULL, std::memory_order_relaxed);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((x ^ (x >> 31)) >> 11) / static_cast<double>(1ULL << 53);
}

std::atomic<FailpointHook> hook{nullptr};

std::atomic<const char*>& left_out() {
  static std::atomic<const char*> rule{std::getenv("VINEYARD_LEAVE_OUT")};
  return rule;
}

}  // namespace

void set_failpoint_hook(FailpointHook to) {
  hook.store(to);
}

void leave_rule_out(const char* rule) {
  left_out().store(rule);
}

void failpoint_hit(const char* name) {
  if (const FailpointHook h = hook.load(std::memory_order_relaxed); h != nullptr) h(name);
  for (const Action& a : actions()) {
    if (a.name != "*" && a.name != name) continue;
    if (a.probability < 1 && chance() >= a.probability) continue;
    if (a.what == "jitter")
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int>(chance() * 600)));
    if (a.what == "long")
      std::this_thread::sleep_for(std::chrono::milliseconds(static_cast<int>(chance() * 20)));
    if (a.what == "stall")
      std::this_thread::sleep_for(std::chrono::milliseconds(static_cast<int>(chance() * 200)));
    if (a.what == "kill") std::_Exit(137);
    if (a.what == "abort") std::abort();
  }
}

bool rule_left_out(const char* rule) {
  const char* const out = left_out().load(std::memory_order_relaxed);
  return out != nullptr && std::string_view(out) == rule;
}

}  // namespace vineyard
