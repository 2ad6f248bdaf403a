// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/http_session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "farspan/api/json.h"

namespace farspan::api {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr const char* kServer = "farspan";
constexpr const char* kLines = "application/x-ndjson";

using HttpResponse = http::response<http::string_body>;

HttpResponse response_of(Answer answer, unsigned version, bool is_kept_open) {
  HttpResponse response(static_cast<http::status>(answer.status), version);
  response.set(http::field::server, kServer);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  if (answer.status == 401) response.set(http::field::www_authenticate, "Bearer");
  if (!answer.etag.empty()) response.set(http::field::etag, answer.etag);
  if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
  response.keep_alive(is_kept_open);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

Answer with_status(unsigned status, const Error& error) {
  Answer answer = refusal(error);
  answer.status = status;
  return answer;
}

Answer malformed(unsigned status, std::string what, std::string remedy) {
  return with_status(status,
                     {ErrorCode::kInvalid, "HTTP request", "", std::move(what), std::move(remedy)});
}

// What is wrong with a request of which only the header is known.
std::optional<Answer> judge_header(const http::request_parser<http::string_body>& parser,
                                   bool is_known) {
  if (!is_known)
    return with_status(
        401, {ErrorCode::kDenied, "HTTP request", "Authorization",
              "bears no token, or one that is unknown, was taken back or has ended",
              "send \"Bearer \" and a token; on the controller `farspan token create` makes one"});
  const auto& header = parser.get();  // RFC 9112 §3.2
  if (header.version() >= 11 && header.count(http::field::host) != 1)
    return malformed(400, "has no Host, or several", "send one Host field");
  const auto length = parser.content_length();
  if (length && *length > HttpLimits::kBodyBytes)
    return malformed(413, "a body of " + std::to_string(*length) + " bytes is too large",
                     "send at most 16 MiB");
  return std::nullopt;
}

std::optional<Answer> judge_failure(const beast::error_code& failure) {
  if (failure == http::error::body_limit)
    return malformed(413, "the body is too large", "send at most 16 MiB");
  if (failure == http::error::header_limit)
    return malformed(431, "the header is too large", "send at most 16 KiB");
  if (failure.category() == http::make_error_code(http::error::bad_method).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message)
    return malformed(400, "not HTTP/1.1: " + failure.message(), "speak HTTP/1.1");
  return std::nullopt;  // the client left or was too slow
}

enum class Part { kHeader, kAll };

// A response as it is sent. As bytes, and not by Beast's own operations on streams: each of those
// takes seconds to compile, per kind of body and of stream, and a copy takes nothing beside JSON.
template <class Body>
std::string bytes_of(http::response<Body>& response, Part part) {
  http::response_serializer<Body> serializer(response);
  serializer.split(part == Part::kHeader);
  const auto is_written = [&] {
    return part == Part::kHeader ? serializer.is_header_done() : serializer.is_done();
  };
  std::string bytes;
  beast::error_code failure;
  while (!failure && !is_written()) {
    serializer.next(failure, [&](beast::error_code&, const auto& buffers) {
      bytes += beast::buffers_to_string(buffers);
      serializer.consume(beast::buffer_bytes(buffers));
    });
  }
  return bytes;
}

// co_await stands alone in its statement everywhere below: g++ 12 miscompiles it inside conditions.
template <class Stream>
class HttpSession {
 public:
  HttpSession(Stream& stream, const Rest& rest, Workers& workers, const Recognise& recognise)
      : stream_(stream), rest_(rest), workers_(workers), recognise_(recognise) {}

  asio::awaitable<void> run() {
    for (;;) {
      const bool is_open = co_await serve_one();
      if (!is_open) co_return;
    }
  }

 private:
  // False when the connection is to end.
  asio::awaitable<bool> serve_one() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(HttpLimits::kHeaderBytes);
    parser.body_limit(HttpLimits::kBodyBytes);
    const bool is_begun = co_await first_bytes();
    if (!is_begun) co_return false;
    expire_after(HttpLimits::kRequest);
    auto [failure, count] = co_await http::async_read_header(stream_, buffer_, parser, kUse);
    is_head_ = parser.get().method() == http::verb::head;
    if (!failure) {
      const auto authorization = parser.get()[http::field::authorization];
      auto principal = recognise_({authorization.data(), authorization.size()});
      if (const auto refused = judge_header(parser, principal.has_value())) {
        co_await write(response_of(*refused, 11, false));  // its body was not read
        co_return false;
      }
      principal_ = *std::move(principal);
      expire_after(HttpLimits::kRequest);
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        const bool is_told = co_await write_continue();
        if (!is_told) co_return false;
      }
      std::tie(failure, count) = co_await http::async_read(stream_, buffer_, parser, kUse);
    }
    if (failure) {
      if (const auto refused = judge_failure(failure))
        co_await write(response_of(*refused, 11, false));
      co_return false;
    }
    const bool is_kept_open = co_await answer(parser.release());
    co_return is_kept_open;
  }

  // A connection may be idle between two requests; once a request begins, and before the first one,
  // it may not.
  asio::awaitable<bool> first_bytes() {
    if (is_first_ || buffer_.size() > 0) {
      is_first_ = false;
      co_return true;
    }
    expire_after(HttpLimits::kIdle);
    const auto [failure, count] = co_await stream_.async_read_some(buffer_.prepare(4096), kUse);
    buffer_.commit(count);
    co_return !failure;
  }

  asio::awaitable<bool> answer(http::request<http::string_body> request) {
    const auto target = request.target();
    auto asked = Rest::parse_target({target.data(), target.size()});
    std::variant<Answer, Watch> answered;
    if (asked) {
      asked->method = std::string(request.method_string());
      asked->body = std::move(request.body());
      asked->principal = principal_;
      asked->if_match = std::string(request[http::field::if_match]);
      asked->idempotency_key = std::string(request["Idempotency-Key"]);
      beast::get_lowest_layer(stream_).expires_never();  // while it is worked on
      auto made = co_await ask(beast::get_lowest_layer(stream_).socket(), kIsHalfCloseKnown, rest_,
                               workers_, *std::move(asked), HttpLimits::kAnswer);
      if (!made) co_return false;  // the client left
      answered = *std::move(made);
    } else {
      answered = malformed(400, "the target is not percent-encoded correctly", "see RFC 3986 §2.1");
    }
    const bool is_watch = std::holds_alternative<Watch>(answered);
    if (is_watch && request.version() < 11) {  // it cannot take chunks (RFC 9112 §6.1)
      answered = malformed(505, "a watch is a stream of chunks", "speak HTTP/1.1");
    } else if (is_watch && is_head_) {
      const auto lines = rest_.changes(std::get<Watch>(answered).after);  // as a GET would begin
      answered = lines ? Answer{200, kLines, "", ""} : refusal(lines.error());
    }
    if (const auto* watch = std::get_if<Watch>(&answered)) {
      co_await stream_changes(watch->after);
      co_return false;
    }
    auto response =
        response_of(std::get<Answer>(std::move(answered)), request.version(), request.keep_alive());
    const bool is_kept_open = response.keep_alive();
    const bool is_written = co_await write(std::move(response));
    co_return is_written&& is_kept_open;
  }

  // A commit rings the bell from another thread; posted to this connection's strand it cannot fall
  // between looking for changes and waiting for more.
  asio::awaitable<void> stream_changes(uint64_t after) {
    auto lines = rest_.changes(after);
    if (!lines) {
      co_await write(response_of(refusal(lines.error()), 11, false));
      co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto bell = std::make_shared<asio::steady_timer>(executor);
    const auto ring = [bell, executor] { asio::post(executor, [bell] { bell->cancel(); }); };
    const auto changed = rest_.controller().watch([ring](uint64_t) { ring(); });
    const controller::Tokens& tokens = rest_.controller().tokens();
    const auto revoked = rest_.controller().tokens().watch(ring);

    bool is_there = co_await write_stream_header();
    std::string text = heartbeat();
    while (is_there && tokens.still_stands(principal_, std::chrono::system_clock::now())) {
      lines = rest_.changes(after);
      text += lines ? lines->text : refusal(lines.error()).body;
      if (!text.empty()) is_there = co_await write_chunk(text);
      if (!lines || !is_there) co_return;  // it fell behind what is kept, or left
      text.clear();
      if (lines->revision != after) {
        after = lines->revision;
        continue;  // there may be more than one batch
      }
      bell->expires_after(HttpLimits::kHeartbeat);
      const auto [rung] = co_await bell->async_wait(kUse);
      if (!rung) text = heartbeat();
    }
  }

  std::string heartbeat() const {
    return to_text({{"revision", rest_.controller().published()->revision}, {"heartbeat", true}}) +
           "\n";
  }

  asio::awaitable<bool> write(HttpResponse response) {
    // To a HEAD the header that a GET would get, and nothing behind it (RFC 9110 §9.3.2).
    return send(bytes_of(response, is_head_ ? Part::kHeader : Part::kAll));
  }

  asio::awaitable<bool> write_continue() {
    http::response<http::empty_body> response(http::status::continue_, 11);
    return send(bytes_of(response, Part::kAll));
  }

  asio::awaitable<bool> write_stream_header() {
    http::response<http::empty_body> response(http::status::ok, 11);
    response.set(http::field::server, kServer);
    response.set(http::field::content_type, kLines);
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    response.chunked(true);
    return send(bytes_of(response, Part::kHeader));
  }

  asio::awaitable<bool> write_chunk(const std::string& text) {
    return send(beast::buffers_to_string(http::make_chunk(asio::buffer(text))));
  }

  asio::awaitable<bool> send(std::string bytes) {
    expire_after(HttpLimits::kRequest);
    const auto [failure, count] = co_await asio::async_write(stream_, asio::buffer(bytes), kUse);
    co_return !failure;
  }

  void expire_after(std::chrono::seconds time) {
    beast::get_lowest_layer(stream_).expires_after(time);
  }

  static constexpr bool kIsHalfCloseKnown = std::is_same_v<Stream, UnixStream>;

  Stream& stream_;
  const Rest& rest_;
  Workers& workers_;
  const Recognise& recognise_;
  controller::Principal principal_;  // of the request being answered
  beast::flat_buffer buffer_;
  bool is_first_ = true;
  bool is_head_ = false;  // the request being answered
};

}  // namespace

asio::awaitable<void> serve_http(UnixStream& stream, const Rest& rest, Workers& workers,
                                 const Recognise& recognise) {
  HttpSession session(stream, rest, workers, recognise);
  co_await session.run();
}

asio::awaitable<void> serve_http(TlsStream& stream, const Rest& rest, Workers& workers,
                                 const Recognise& recognise) {
  HttpSession session(stream, rest, workers, recognise);
  co_await session.run();
}

}  // namespace farspan::api
