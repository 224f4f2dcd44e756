// What the kernel counts of a connection, where the system's own header for users does not know of it yet.
#pragma once

#include <cstdint>

namespace bascule::test {

// Packets that a TCP socket has sent so far, with data or without; not counted again where they were sent again.
std::uint32_t segments_sent(int socket);

}  // namespace bascule::test
