// The works that a proxy is given, one source a work. Each returns one JSON object.
#pragma once

#include <string>

#include "test/bench/options.hpp"

namespace bascule::bench {

std::string measure_bulk(const Options& options);  // bulk.cpp: one direction as fast as it goes; the unit is a byte
std::string measure_echo(const Options& options);  // echo.cpp: messages to and fro; the unit is a round trip
std::string measure_setups(
    const Options& options);  // setup.cpp: a session from connect to close; the unit is a session
std::string measure_steady(const Options& options);  // steady_sessions.cpp: latencies at a rate; a round trip
std::string measure_idle(const Options& options);    // idle.cpp: memory of sessions that have worked and now rest
std::string hold(const Options& options);            // the same file: sessions that are there until it is told
std::string measure_beside_logins(
    const Options& options);  // logins.cpp: latencies beside a flood of handshakes; the unit is a round trip
std::string measure_beside_handshakes(
    const Options& options);  // handshakes.cpp: the same beside a flood of TLS handshakes
std::string measure_beside_crowds(
    const Options& options);                 // crowds.cpp: the same beside connections that say next to nothing
std::string verify(const Options& options);  // verify.cpp: every byte, both ways at once, and a clean end

}  // namespace bascule::bench
