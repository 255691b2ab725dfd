#pragma once

#include "base/assert.hpp"

namespace diglett::mux {

/// Place of a T in one IntrusiveList.
template <class T>
struct ListHook {
    T* previous = nullptr;
    T* next = nullptr;
    bool is_linked = false;
};

/// Doubly linked list through a hook inside each element; owns nothing and never allocates.
template <class T, ListHook<T> T::* Hook>
class IntrusiveList {
  public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }

    [[nodiscard]] T* front() const { return first_; }

    /// Whether it holds at least two.
    [[nodiscard]] bool has_several() const { return first_ != last_; }

    void push_back(T& element) {
        ListHook<T>& hook = element.*Hook;
        DIGLETT_ASSERT(!hook.is_linked);
        hook = {last_, nullptr, true};
        (last_ != nullptr ? (last_->*Hook).next : first_) = &element;
        last_ = &element;
    }

    void erase(T& element) {
        ListHook<T>& hook = element.*Hook;
        DIGLETT_ASSERT(hook.is_linked);
        (hook.previous != nullptr ? (hook.previous->*Hook).next : first_) = hook.next;
        (hook.next != nullptr ? (hook.next->*Hook).previous : last_) = hook.previous;
        hook = {};
    }

    T* pop_front() {
        T* const element = first_;
        erase(*element);
        return element;
    }

    /// Forgets all elements without touching them: they are about to be destroyed.
    void abandon() { first_ = last_ = nullptr; }

  private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

}  // namespace diglett::mux
