// Masking of WebSocket payloads: RFC 6455, section 5.3.
//
// A payload may arrive in pieces, so the caller says how far into it each piece begins.
#pragma once

#include "proxy/base/bytes.hpp"
#include "proxy/wire/ws/frame.hpp"

namespace bascule::wire::ws {

// XORs `data` with the key, in place. `offset`: bytes of this payload that came before `data`.
void apply_mask(MutableBytes data, const MaskKey& key, std::uint64_t offset);

// The same while moving the bytes towards the front of their buffer, so that the payloads of many frames come to lie
// side by side. REQUIRES: to <= from.data(), both in one buffer (they may overlap).
void move_and_mask(std::uint8_t* to, Bytes from, const MaskKey& key, std::uint64_t offset);

}  // namespace bascule::wire::ws
