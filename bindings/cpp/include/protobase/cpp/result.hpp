// result.hpp - what a call gives: a value, or the error that took its place.
//
// Every call of the binding returns a result, with or without exceptions in the build:
//     auto people = txn.dict("people");           // result<dict>
//     if (!people) return people.failure();       // by hand
//     people.value().put("ada", 1815).value();    // or: throws protobase::exception
// Without exceptions (-fno-exceptions, or PROTOBASE_NO_EXCEPTIONS defined) value() of a failure is a
// bug of the caller and ends the program.
// Threads: confined to its owner, like any value.
#ifndef PROTOBASE_CPP_RESULT_HPP
#define PROTOBASE_CPP_RESULT_HPP
#include <protobase/protobase.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#if !defined(PROTOBASE_NO_EXCEPTIONS) && (defined(__cpp_exceptions) || defined(__EXCEPTIONS))
#define PROTOBASE_EXCEPTIONS 1
#include <exception>
#else
#define PROTOBASE_EXCEPTIONS 0
#endif

namespace protobase
{

// What went wrong, where, and what to do next: a pbase_error.
class error
{
  public:
    error()
    {
        pbase_error_init(&raw_);
    }
    error(pbase_status code, const char *message)
    {
        pbase_error_init(&raw_);
        (void)pbase_error_set(&raw_, code, __FILE__, 0, "", "%s", message);
    }
    [[nodiscard]] pbase_status code() const
    {
        return raw_.code;
    }
    [[nodiscard]] std::string_view name() const
    {
        return pbase_status_name(raw_.code);
    }
    [[nodiscard]] std::string_view message() const
    {
        return raw_.message;
    }
    [[nodiscard]] std::string_view hint() const
    {
        return raw_.hint;
    }
    [[nodiscard]] std::string_view where() const
    {
        return raw_.where;
    }
    // The transaction may or may not have been applied: ask space::outcome with token().
    [[nodiscard]] bool is_unknown() const
    {
        return raw_.code == PBASE_UNKNOWN;
    }
    [[nodiscard]] pbase_token token() const
    {
        return raw_.token;
    }
    // Begin it again: a concurrent transaction won.
    [[nodiscard]] bool is_conflict() const
    {
        return raw_.code == PBASE_CONFLICT;
    }
    [[nodiscard]] bool is_not_found() const
    {
        return raw_.code == PBASE_NOT_FOUND;
    }
    // For calls of the C library. A status that leaves the error untouched is put in by hand.
    [[nodiscard]] pbase_error *raw()
    {
        return &raw_;
    }
    [[nodiscard]] const pbase_error *raw() const
    {
        return &raw_;
    }
    void adopt(pbase_status status)
    {
        if (raw_.code == PBASE_OK) {
            (void)pbase_error_set(&raw_, status, __FILE__, 0, "", "%s", pbase_status_name(status));
        }
    }

  private:
    pbase_error raw_;
};

#if PROTOBASE_EXCEPTIONS
class exception : public std::exception
{
  public:
    explicit exception(const error &cause)
        : cause_(cause), text_(std::string(cause.name()) + ": " + std::string(cause.message()))
    {
    }
    [[nodiscard]] const char *what() const noexcept override
    {
        return text_.c_str();
    }
    [[nodiscard]] const error &cause() const noexcept
    {
        return cause_;
    }

  private:
    error cause_;
    std::string text_;
};
#endif

[[noreturn]] inline void raise(const error &cause)
{
#if PROTOBASE_EXCEPTIONS
    throw exception(cause);
#else
    (void)cause;
    std::abort();
#endif
}

template <class T> class [[nodiscard]] result
{
  public:
    result(T value) : held_(std::in_place_index<0>, std::move(value))
    {
    }
    result(const error &cause) : held_(std::in_place_index<1>, cause)
    {
    }
    [[nodiscard]] bool ok() const
    {
        return held_.index() == 0;
    }
    explicit operator bool() const
    {
        return ok();
    }
    // The value; a failure is thrown.
    [[nodiscard]] T &value() &
    {
        check();
        return std::get<0>(held_);
    }
    [[nodiscard]] const T &value() const &
    {
        check();
        return std::get<0>(held_);
    }
    [[nodiscard]] T value() &&
    {
        check();
        return std::move(std::get<0>(held_));
    }
    [[nodiscard]] T value_or(T other) &&
    {
        return ok() ? std::move(std::get<0>(held_)) : std::move(other);
    }
    // Of a failure only; asking a value for it is a bug.
    [[nodiscard]] const error &failure() const
    {
        return std::get<1>(held_);
    }

  private:
    void check() const
    {
        if (!ok()) {
            raise(failure());
        }
    }
    std::variant<T, error> held_;
};

template <> class [[nodiscard]] result<void>
{
  public:
    result() : failed_(false)
    {
    }
    result(const error &cause) : failed_(true), cause_(cause)
    {
    }
    [[nodiscard]] bool ok() const
    {
        return !failed_;
    }
    explicit operator bool() const
    {
        return ok();
    }
    void value() const
    {
        if (failed_) {
            raise(cause_);
        }
    }
    [[nodiscard]] const error &failure() const
    {
        return cause_;
    }

  private:
    bool failed_;
    error cause_;
};

} // namespace protobase
#endif
