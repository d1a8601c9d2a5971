// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/extents.h"

#include <bit>

#include "vineyard/base/check.h"

namespace vineyard::shm {

// Bins: sizes below 16 have one each (top 0); above, sixteen to a power of two, as in TLSF (Masmano et al., "TLSF: a new
// dynamic memory allocator for real-time systems", ECRTS 2004), but with the bookkeeping outside the memory.
ExtentAllocator::Bin ExtentAllocator::bin_of(std::uint32_t size) {
  if (size < (1U << kSubBits)) return {0, size};
  const std::uint32_t log = static_cast<std::uint32_t>(std::bit_width(size)) - 1;
  return {log - kSubBits + 1, (size >> (log - kSubBits)) & ((1U << kSubBits) - 1)};
}

// The first bin all of whose runs are long enough.
ExtentAllocator::Bin ExtentAllocator::bin_at_least(std::uint32_t size) {
  if (size < (1U << kSubBits)) return {0, size};
  const std::uint32_t log = static_cast<std::uint32_t>(std::bit_width(size)) - 1;
  return bin_of(size + (1U << (log - kSubBits)) - 1);
}

ExtentAllocator::ExtentAllocator(std::uint32_t units) : units_(units) {
  begin_rebuild();
  finish_rebuild();
}

ExtentAllocator::Handle ExtentAllocator::make_node(const Node& node) {
  if (spare_.empty()) {
    nodes_.push_back(node);
    return static_cast<Handle>(nodes_.size() - 1);
  }
  const Handle h = spare_.back();
  spare_.pop_back();
  nodes_[h] = node;
  return h;
}

void ExtentAllocator::drop_node(Handle h) {
  spare_.push_back(h);
}

void ExtentAllocator::link(Handle h) {
  const Bin bin = bin_of(nodes_[h].size);
  Handle& head = heads_[bin.top][bin.sub];
  nodes_[h].prev = kNone;
  nodes_[h].next = head;
  nodes_[h].taken = 0;
  if (head != kNone) nodes_[head].prev = h;
  head = h;
  sub_bits_[bin.top] |= 1U << bin.sub;
  top_bits_ |= 1U << bin.top;
}

void ExtentAllocator::unlink(Handle h) {
  const Node& n = nodes_[h];
  if (n.next != kNone) nodes_[n.next].prev = n.prev;
  if (n.prev != kNone) {
    nodes_[n.prev].next = n.next;
    return;
  }
  const Bin bin = bin_of(n.size);
  heads_[bin.top][bin.sub] = n.next;
  if (n.next != kNone) return;
  sub_bits_[bin.top] &= ~(1U << bin.sub);
  if (sub_bits_[bin.top] == 0) top_bits_ &= ~(1U << bin.top);
}

ExtentAllocator::Handle ExtentAllocator::find(std::uint32_t units) const {
  const Bin bin = bin_at_least(units);
  if (bin.top < kTop) {
    if (const std::uint32_t subs = sub_bits_[bin.top] & (~0U << bin.sub); subs != 0) {
      return heads_[bin.top][static_cast<std::uint32_t>(std::countr_zero(subs))];
    }
    if (const std::uint32_t tops = bin.top + 1 < kTop ? top_bits_ & (~0U << (bin.top + 1)) : 0;
        tops != 0) {
      const auto top = static_cast<std::uint32_t>(std::countr_zero(tops));
      return heads_[top][static_cast<std::uint32_t>(std::countr_zero(sub_bits_[top]))];
    }
  }
  // Nearly full: a run of the request's own bin may still be long enough.
  const Bin own = bin_of(units);
  for (Handle h = heads_[own.top][own.sub]; h != kNone; h = nodes_[h].next) {
    if (nodes_[h].size >= units) return h;
  }
  return kNone;
}

std::optional<ExtentAllocator::Run> ExtentAllocator::allocate(std::uint32_t units) {
  VY_CHECK(units > 0);
  if (units > free_units_) return std::nullopt;
  const Handle h = find(units);
  if (h == kNone) return std::nullopt;
  unlink(h);
  nodes_[h].taken = 1;
  if (const std::uint32_t rest = nodes_[h].size - units; rest > 0) {
    Node tail;
    tail.offset = nodes_[h].offset + units;
    tail.size = rest;
    tail.before = h;
    tail.after = nodes_[h].after;
    const Handle t = make_node(tail);
    if (tail.after != kNone) nodes_[tail.after].before = t;
    nodes_[h].after = t;
    nodes_[h].size = units;
    link(t);
  }
  free_units_ -= units;
  return Run{nodes_[h].offset, h};
}

void ExtentAllocator::free(Handle h) {
  VY_CHECK(h < nodes_.size() && nodes_[h].taken == 1);
  free_units_ += nodes_[h].size;
  if (const Handle b = nodes_[h].before; b != kNone && nodes_[b].taken == 0) {
    unlink(b);
    nodes_[b].size += nodes_[h].size;
    nodes_[b].after = nodes_[h].after;
    if (nodes_[h].after != kNone) nodes_[nodes_[h].after].before = b;
    nodes_[h].taken = 0;
    drop_node(h);
    h = b;
  }
  if (const Handle a = nodes_[h].after; a != kNone && nodes_[a].taken == 0) {
    unlink(a);
    nodes_[h].size += nodes_[a].size;
    nodes_[h].after = nodes_[a].after;
    if (nodes_[a].after != kNone) nodes_[nodes_[a].after].before = h;
    drop_node(a);
  }
  link(h);
}

void ExtentAllocator::begin_rebuild() {
  nodes_.clear();
  spare_.clear();
  free_units_ = 0;
  top_bits_ = 0;
  sub_bits_.fill(0);
  for (auto& bins : heads_) bins.fill(kNone);
  last_ = kNone;
}

bool ExtentAllocator::rebuild_taken(std::uint32_t offset, std::uint32_t units, Handle* handle) {
  const std::uint32_t end = last_ == kNone ? 0 : nodes_[last_].offset + nodes_[last_].size;
  if (units == 0 || offset < end || offset > units_ || units > units_ - offset) return false;
  const auto append = [&](std::uint32_t at, std::uint32_t size, std::uint32_t taken) {
    Node n;
    n.offset = at;
    n.size = size;
    n.before = last_;
    n.taken = taken;
    const Handle h = make_node(n);
    if (last_ != kNone) nodes_[last_].after = h;
    last_ = h;
    return h;
  };
  if (offset > end) {
    link(append(end, offset - end, 0));
    free_units_ += offset - end;
  }
  *handle = append(offset, units, 1);
  return true;
}

void ExtentAllocator::finish_rebuild() {
  const std::uint32_t end = last_ == kNone ? 0 : nodes_[last_].offset + nodes_[last_].size;
  if (end == units_) return;
  Node n;
  n.offset = end;
  n.size = units_ - end;
  n.before = last_;
  const Handle h = make_node(n);
  if (last_ != kNone) nodes_[last_].after = h;
  link(h);
  free_units_ += n.size;
}

std::optional<std::string> ExtentAllocator::check_consistency() const {
  Handle first = kNone;
  std::vector<bool> spare(nodes_.size());
  for (Handle h : spare_) spare[h] = true;
  for (Handle h = 0; h < nodes_.size(); ++h) {
    if (!spare[h] && nodes_[h].before == kNone) {
      if (first != kNone) return "two runs have nothing before them";
      first = h;
    }
  }
  std::uint32_t end = 0, free_units = 0;
  bool free_before = false;
  for (Handle h = first; h != kNone; h = nodes_[h].after) {
    const Node& n = nodes_[h];
    if (n.offset != end || n.size == 0) return "a gap or overlap at unit " + std::to_string(end);
    if (n.taken == 0 && free_before) return "two free neighbours at unit " + std::to_string(end);
    free_before = n.taken == 0;
    if (free_before) free_units += n.size;
    end += n.size;
  }
  if (end != units_) return "the runs end at unit " + std::to_string(end);
  if (free_units != free_units_) return "free units are counted wrongly";
  return std::nullopt;
}

}  // namespace vineyard::shm
