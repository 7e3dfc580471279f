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
#include <memory>
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

namespace detail
{

// Calls the C library: `call` gets a pbase_error * and returns its status.
template <class Call> result<void> checked(Call &&call)
{
    error cause;
    pbase_status status = call(cause.raw());
    if (status == PBASE_OK) {
        return {};
    }
    cause.adopt(status);
    return cause;
}

// An object of the C library. What came from it keeps it alive, so it ends after them; a transaction
// that ends by itself ends what came from it first, which is then refused (INVALID).
class node
{
  public:
    // `links`: it may be ended before what comes from it, which then is kept in a list. Only objects of
    // one thread do: transactions and what is below them.
    node(std::shared_ptr<node> parent, bool links)
        : parent_(std::move(parent)), links_(links || (parent_ && parent_->links_))
    {
        if (parent_ && parent_->links_) {
            next_ = parent_->first_;
            if (next_ != nullptr) {
                next_->previous_ = this;
            }
            parent_->first_ = this;
        }
    }
    virtual ~node() = default;
    node(const node &) = delete;
    node &operator=(const node &) = delete;
    // Ends what came from it, then itself.
    void end()
    {
        end_below();
        leave();
        finish();
    }
    void end_below()
    {
        while (first_ != nullptr) {
            first_->end();
        }
    }
    [[nodiscard]] const std::shared_ptr<node> &parent() const
    {
        return parent_;
    }
    [[nodiscard]] node *first() const
    {
        return first_;
    }
    [[nodiscard]] node *next() const
    {
        return next_;
    }
    [[nodiscard]] virtual bool is_txn() const
    {
        return false;
    }

  protected:
    virtual void finish() = 0;
    void leave()
    { // the list of the parent
        if (parent_ == nullptr || !parent_->links_) {
            return;
        }
        if (parent_->first_ == this) {
            parent_->first_ = next_;
        } else if (previous_ != nullptr) {
            previous_->next_ = next_;
        }
        if (next_ != nullptr) {
            next_->previous_ = previous_;
        }
        next_ = previous_ = nullptr;
    }

  private:
    std::shared_ptr<node> parent_;
    bool links_;
    node *first_ = nullptr, *next_ = nullptr, *previous_ = nullptr;
};

template <class T, void (*End)(T *)> class object final : public node
{
  public:
    object(std::shared_ptr<node> parent, T *raw) : node(std::move(parent), false), raw_(raw)
    {
    }
    ~object() override
    {
        leave();
        finish();
    }
    T *raw_; // NULL: ended

  private:
    void finish() override
    {
        End(std::exchange(raw_, nullptr));
    }
};

// What a class of the binding holds: one object, to be moved, not copied.
template <class T, void (*End)(T *)> class handle
{
  public:
    handle(std::shared_ptr<node> parent, T *raw)
        : held_(std::make_shared<object<T, End>>(std::move(parent), raw))
    {
    }
    handle(handle &&) noexcept = default;
    handle &operator=(handle &&) noexcept = default;
    handle(const handle &) = delete;
    handle &operator=(const handle &) = delete;
    ~handle() = default;
    [[nodiscard]] T *get() const
    {
        return held_ ? held_->raw_ : nullptr;
    }
    [[nodiscard]] T **slot()
    {
        return &held_->raw_;
    } // for editing functions, which replace it
    [[nodiscard]] std::shared_ptr<node> below() const
    {
        return held_;
    } // parent of what comes from it
    [[nodiscard]] std::shared_ptr<node> parent() const
    {
        return held_ ? held_->parent() : nullptr;
    }

  private:
    std::shared_ptr<object<T, End>> held_;
};

inline error gone()
{
    return {PBASE_INVALID, "the object has ended: its transaction was committed or aborted, or it "
                           "was moved away"};
}

// Calls the C library with an object that must be there.
template <class T, void (*End)(T *), class Call>
result<void> checked(const handle<T, End> &self, Call &&call)
{
    return self.get() == nullptr ? result<void>(gone()) : checked(call);
}

// Calls the C library for a new object that comes from `parent`: `call` gets a T ** and a pbase_error *.
template <class Object, class T, class P, void (*End)(P *), class Call>
result<Object> made(const handle<P, End> &parent, Call &&call)
{
    T *raw = nullptr;
    auto done = checked(parent, [&](pbase_error *err) { return call(&raw, err); });
    if (!done) {
        return done.failure();
    }
    return Object(parent.below(), raw);
}

} // namespace detail
} // namespace protobase
#endif
