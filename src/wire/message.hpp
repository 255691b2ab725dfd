#pragma once

/// Every message of protocol 2.
#include "wire/link_message.hpp"     // Ack, Ping, Resume, Resumed
#include "wire/refusal.hpp"          // Refused, Refusal
#include "wire/session_message.hpp"  // Hello, Login, Welcome, Register, Registered
#include "wire/stream_message.hpp"   // Open, Window, Reset
