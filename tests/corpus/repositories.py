"""Networks written by hand in NumPy, as objects: layers, optimisers, tapes, agents and those who train them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np


# a convolutional network by loops over regions --------------------------------------------------------------------------
class Conv3x3:
    def __init__(self, num_filters, rng):
        self.num_filters = num_filters
        self.filters = rng.standard_normal((num_filters, 3, 3)) / 9

    def iterate_regions(self, image):
        h, w = image.shape
        for i in range(h - 2):
            for j in range(w - 2):
                im_region = image[i : (i + 3), j : (j + 3)]
                yield im_region, i, j

    def forward(self, input):
        self.last_input = input
        h, w = input.shape
        output = np.zeros((h - 2, w - 2, self.num_filters))
        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.sum(im_region * self.filters, axis=(1, 2))
        return output

    def backprop(self, d_L_d_out, learn_rate):
        d_L_d_filters = np.zeros(self.filters.shape)
        for im_region, i, j in self.iterate_regions(self.last_input):
            for f in range(self.num_filters):
                d_L_d_filters[f] += d_L_d_out[i, j, f] * im_region
        self.filters -= learn_rate * d_L_d_filters
        return None


class MaxPool2:
    def iterate_regions(self, image):
        h, w, _ = image.shape
        for i in range(h // 2):
            for j in range(w // 2):
                yield image[(i * 2) : (i * 2 + 2), (j * 2) : (j * 2 + 2)], i, j

    def forward(self, input):
        self.last_input = input
        h, w, num_filters = input.shape
        output = np.zeros((h // 2, w // 2, num_filters))
        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.amax(im_region, axis=(0, 1))
        return output

    def backprop(self, d_L_d_out):
        d_L_d_input = np.zeros(self.last_input.shape)
        for im_region, i, j in self.iterate_regions(self.last_input):
            h, w, f = im_region.shape
            amax = np.amax(im_region, axis=(0, 1))
            for i2 in range(h):
                for j2 in range(w):
                    for f2 in range(f):
                        if im_region[i2, j2, f2] == amax[f2]:
                            d_L_d_input[i * 2 + i2, j * 2 + j2, f2] = d_L_d_out[i, j, f2]
        return d_L_d_input


class SoftmaxLayer:
    def __init__(self, input_len, nodes, rng):
        self.weights = rng.standard_normal((input_len, nodes)) / input_len
        self.biases = np.zeros(nodes)

    def forward(self, input):
        self.last_input_shape = input.shape
        input = input.flatten()
        self.last_input = input
        totals = np.dot(input, self.weights) + self.biases
        self.last_totals = totals
        exp = np.exp(totals)
        return exp / np.sum(exp, axis=0)

    def backprop(self, d_L_d_out, learn_rate):
        for i, gradient in enumerate(d_L_d_out):
            if gradient == 0:
                continue
            t_exp = np.exp(self.last_totals)
            S = np.sum(t_exp)
            d_out_d_t = -t_exp[i] * t_exp / (S**2)
            d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S**2)
            d_L_d_t = gradient * d_out_d_t
            d_L_d_w = self.last_input[np.newaxis].T @ d_L_d_t[np.newaxis]
            d_L_d_inputs = self.weights @ d_L_d_t
            self.weights -= learn_rate * d_L_d_w
            self.biases -= learn_rate * d_L_d_t
            return d_L_d_inputs.reshape(self.last_input_shape)


def cnn_from_scratch(images, labels, seed=0, filters=4, classes=3, lr=0.005):
    """A convolution, a pool and a softmax trained picture by picture; the loss and the accuracy on the way."""
    rng = np.random.default_rng(seed)
    h, w = images[0].shape
    conv, pool = Conv3x3(filters, rng), MaxPool2()
    softmax = SoftmaxLayer((h - 2) // 2 * ((w - 2) // 2) * filters, classes, rng)
    losses, num_correct = [], 0
    for im, label in zip(images, labels):
        out = conv.forward((im / 255) - 0.5)
        out = pool.forward(out)
        out = softmax.forward(out)
        losses.append(-np.log(out[label]))
        num_correct += 1 if np.argmax(out) == label else 0
        gradient = np.zeros(classes)
        gradient[label] = -1 / out[label]
        gradient = softmax.backprop(gradient, lr)
        gradient = pool.backprop(gradient)
        conv.backprop(gradient, lr)
    return losses, num_correct, conv.filters, softmax.biases


# a recurrent network over words -----------------------------------------------------------------------------------------
class WordRNN:
    def __init__(self, input_size, output_size, hidden_size, rng):
        self.Whh = rng.standard_normal((hidden_size, hidden_size)) / 100
        self.Wxh = rng.standard_normal((hidden_size, input_size)) / 100
        self.Why = rng.standard_normal((output_size, hidden_size)) / 100
        self.bh = np.zeros((hidden_size, 1))
        self.by = np.zeros((output_size, 1))

    def forward(self, inputs):
        h = np.zeros((self.Whh.shape[0], 1))
        self.last_inputs = inputs
        self.last_hs = {0: h}
        for i, x in enumerate(inputs):
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
            self.last_hs[i + 1] = h
        return self.Why @ h + self.by, h

    def backprop(self, d_y, learn_rate=2e-2):
        n = len(self.last_inputs)
        d_Why = d_y @ self.last_hs[n].T
        d_by = d_y
        d_Whh = np.zeros(self.Whh.shape)
        d_Wxh = np.zeros(self.Wxh.shape)
        d_bh = np.zeros(self.bh.shape)
        d_h = self.Why.T @ d_y
        for t in reversed(range(n)):
            temp = (1 - self.last_hs[t + 1] ** 2) * d_h
            d_bh += temp
            d_Whh += temp @ self.last_hs[t].T
            d_Wxh += temp @ self.last_inputs[t].T
            d_h = self.Whh @ temp
        for d in [d_Wxh, d_Whh, d_Why, d_bh, d_by]:
            np.clip(d, -1, 1, out=d)
        self.Whh -= learn_rate * d_Whh
        self.Wxh -= learn_rate * d_Wxh
        self.Why -= learn_rate * d_Why
        self.bh -= learn_rate * d_bh
        self.by -= learn_rate * d_by


def rnn_sentiment(data, epochs=3, hidden=16, seed=1):
    """Texts said to be good or bad, one-hot words, a many-to-one network."""
    vocab = sorted({w for text in data for w in text.split(" ")})
    word_to_idx = {w: i for i, w in enumerate(vocab)}

    def create_inputs(text):
        inputs = []
        for w in text.split(" "):
            v = np.zeros((len(vocab), 1))
            v[word_to_idx[w]] = 1
            inputs.append(v)
        return inputs

    rng = np.random.default_rng(seed)
    rnn = WordRNN(len(vocab), 2, hidden, rng)
    history = []
    for _ in range(epochs):
        loss, correct = 0.0, 0
        for x, y in data.items():
            out, _ = rnn.forward(create_inputs(x))
            probs = np.exp(out) / sum(np.exp(out))
            loss -= np.log(probs[int(y)])
            correct += int(np.argmax(probs) == int(y))
            d_L_d_y = probs
            d_L_d_y[int(y)] -= 1
            rnn.backprop(d_L_d_y)
        history.append((float(loss[0]) / len(data), correct / len(data)))
    return history, rnn.Why


# a tape of tensors ------------------------------------------------------------------------------------------------------
def _unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and grad.shape[axis] != 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


class TapeTensor:
    """A tensor that remembers how it was made."""

    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, TapeTensor) else TapeTensor(other)
        out = TapeTensor(self.data + other.data, (self, other))

        def _backward():
            self.grad += _unbroadcast(out.grad, self.data.shape)
            other.grad += _unbroadcast(out.grad, other.data.shape)

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, TapeTensor) else TapeTensor(other)
        out = TapeTensor(self.data * other.data, (self, other))

        def _backward():
            self.grad += _unbroadcast(out.grad * other.data, self.data.shape)
            other.grad += _unbroadcast(out.grad * self.data, other.data.shape)

        out._backward = _backward
        return out

    def __matmul__(self, other):
        out = TapeTensor(self.data @ other.data, (self, other))

        def _backward():
            self.grad += out.grad @ other.data.T
            other.grad += self.data.T @ out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = np.tanh(self.data)
        out = TapeTensor(t, (self,))

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def mean(self):
        out = TapeTensor(self.data.mean(), (self,))

        def _backward():
            self.grad += np.ones_like(self.data) * out.grad / self.data.size

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def build(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    build(parent)
                order.append(node)

        build(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node._backward()

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other)


def tape_regression(X, y, hidden=8, steps=20, lr=0.1, seed=0):
    """Two layers trained by a tape that is built anew at every step."""
    rng = np.random.default_rng(seed)
    W1 = TapeTensor(rng.normal(0, 0.5, (X.shape[1], hidden)))
    b1 = TapeTensor(np.zeros((1, hidden)))
    W2 = TapeTensor(rng.normal(0, 0.5, (hidden, 1)))
    b2 = TapeTensor(np.zeros((1, 1)))
    params = [W1, b1, W2, b2]
    losses = []
    for _ in range(steps):
        pred = (TapeTensor(X) @ W1 + b1).tanh() @ W2 + b2
        err = pred - TapeTensor(y)
        loss = (err * err).mean()
        for p in params:
            p.grad = np.zeros_like(p.data)
        loss.backward()
        for p in params:
            p.data -= lr * p.grad
        losses.append(float(loss.data))
    return losses, W1.data, b2.data


# policy gradients -------------------------------------------------------------------------------------------------------
class CartPole:
    """The pole on a cart by Euler's method, as in the gym."""

    def __init__(self, rng):
        self.rng = rng
        self.gravity, self.masscart, self.masspole, self.length = 9.8, 1.0, 0.1, 0.5
        self.force_mag, self.tau = 10.0, 0.02
        self.state, self.steps = None, 0

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, size=4)
        self.steps = 0
        return self.state.copy()

    def step(self, action):
        x, x_dot, theta, theta_dot = self.state
        force = self.force_mag if action == 1 else -self.force_mag
        costheta, sintheta = np.cos(theta), np.sin(theta)
        total_mass = self.masspole + self.masscart
        polemass_length = self.masspole * self.length
        temp = (force + polemass_length * theta_dot**2 * sintheta) / total_mass
        thetaacc = (self.gravity * sintheta - costheta * temp) / (
            self.length * (4.0 / 3.0 - self.masspole * costheta**2 / total_mass)
        )
        xacc = temp - polemass_length * thetaacc * costheta / total_mass
        self.state = np.array(
            [x + self.tau * x_dot, x_dot + self.tau * xacc, theta + self.tau * theta_dot, theta_dot + self.tau * thetaacc]
        )
        self.steps += 1
        done = bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.2095 or self.steps >= 60)
        return self.state.copy(), 1.0, done


def _discount(r, gamma):
    out = np.zeros_like(r)
    running = 0.0
    for t in reversed(range(len(r))):
        running = running * gamma + r[t]
        out[t] = running
    return out


def policy_gradient(episodes, hidden=10, gamma=0.99, lr=1e-2, decay=0.99, batch=3, seed=0):
    """REINFORCE with a dictionary of weights and RMSProp caches (after the well-known gist on Pong)."""
    rng = np.random.default_rng(seed)
    env = CartPole(rng)
    model = {"W1": rng.standard_normal((hidden, 4)) / 2.0, "W2": rng.standard_normal(hidden) / np.sqrt(hidden)}
    grad_buffer = {k: np.zeros_like(v) for k, v in model.items()}
    rmsprop_cache = {k: np.zeros_like(v) for k, v in model.items()}
    lengths = []
    for episode in range(episodes):
        xs, hs, dlogps, drs = [], [], [], []
        observation, done = env.reset(), False
        while not done:
            h = np.dot(model["W1"], observation)
            h[h < 0] = 0
            aprob = 1.0 / (1.0 + np.exp(-np.dot(model["W2"], h)))
            action = 1 if rng.uniform() < aprob else 0
            xs.append(observation)
            hs.append(h)
            dlogps.append(action - aprob)
            observation, reward, done = env.step(action)
            drs.append(reward)
        epx, eph = np.vstack(xs), np.vstack(hs)
        epdlogp, epr = np.array(dlogps), np.array(drs)
        discounted = _discount(epr, gamma)
        discounted -= np.mean(discounted)
        discounted /= np.std(discounted)
        epdlogp *= discounted
        dW2 = np.dot(eph.T, epdlogp)
        dh = np.outer(epdlogp, model["W2"])
        dh[eph <= 0] = 0
        grad = {"W1": np.dot(dh.T, epx), "W2": dW2}
        for k in model:
            grad_buffer[k] += grad[k]
        if (episode + 1) % batch == 0:
            for k, v in model.items():
                g = grad_buffer[k]
                rmsprop_cache[k] = decay * rmsprop_cache[k] + (1 - decay) * g**2
                model[k] += lr * g / (np.sqrt(rmsprop_cache[k]) + 1e-5)
                grad_buffer[k] = np.zeros_like(v)
        lengths.append(len(xs))
    return lengths, model


class Transition(NamedTuple):
    state: int
    action: int
    reward: float
    next_state: int
    done: bool


class ReplayBuffer:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, size, rng):
        return [self.memory[i] for i in rng.choice(len(self.memory), size, replace=False)]

    def __len__(self):
        return len(self.memory)


def q_learning_replay(grid, episodes=10, gamma=0.95, alpha=0.3, epsilon=0.3, capacity=200, batch=16, seed=0):
    """Q-learning on a grid with holes (1), a goal in the last cell and a memory of transitions."""
    rng = np.random.default_rng(seed)
    h, w = grid.shape
    moves = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    Q = np.zeros((h * w, 4))
    memory = ReplayBuffer(capacity)
    returns = []
    for episode in range(episodes):
        r, c, total, eps = 0, 0, 0.0, max(0.05, epsilon * 0.9**episode)
        for _ in range(4 * h * w):
            s = r * w + c
            a = int(rng.integers(4)) if rng.random() < eps else int(np.argmax(Q[s]))
            nr, nc = r + moves[a][0], c + moves[a][1]
            if not (0 <= nr < h and 0 <= nc < w):
                nr, nc = r, c
            done = grid[nr, nc] == 1 or (nr, nc) == (h - 1, w - 1)
            reward = -1.0 if grid[nr, nc] == 1 else (10.0 if done else -0.04)
            memory.push(s, a, reward, nr * w + nc, bool(done))
            total += reward
            if len(memory) >= batch:
                for t in memory.sample(batch, rng):
                    target = t.reward if t.done else t.reward + gamma * Q[t.next_state].max()
                    Q[t.state, t.action] += alpha * (target - Q[t.state, t.action])
            r, c = nr, nc
            if done:
                break
        returns.append(total)
    return Q, returns, [len(memory), Q.argmax(axis=1).reshape(h, w)]


def _pictures(rng, n, size, classes):
    return [rng.integers(0, 256, (size, size)).astype(float) for _ in range(n)], rng.integers(0, classes, n)


def _texts(n):
    texts = {
        "good": True, "bad": False, "happy": True, "sad": False, "not good": False, "not bad": True,
        "very good": True, "very bad": False, "i am happy": True, "this is bad": False, "i am not happy": False,
        "this is not sad": True, "i am very sad right now": False, "this was good earlier": True,
    }  # fmt: skip
    return dict(list(texts.items())[:n])


CASES = {
    cnn_from_scratch: lambda rng: [
        (*_pictures(rng, 2, 6, 3), 0, 1),
        (*_pictures(rng, 2, 6, 3), 1, 1),
        (*_pictures(rng, 2, 6, 3), 2, 1, 3, 0.05),
    ],
    rnn_sentiment: lambda rng: [
        (_texts(4), 1),
        (_texts(2), 2, 8),
        (_texts(3), 1, 5, 3),
    ],
    tape_regression: lambda rng: [
        (rng.normal(size=(40, 3)), rng.normal(size=(40, 1)), 8, 4),
        (rng.normal(size=(10, 2)), rng.normal(size=(10, 1)), 4, 2, 0.5),
        (rng.normal(size=(7, 1)).astype(np.float32), rng.normal(size=(7, 1)), 3, 3),
    ],
    policy_gradient: lambda rng: [
        (4, 6),
        (4, 6, 0.9),
        (4, 6, 0.95, 1e-3, 0.9, 3, 5),
    ],
    q_learning_replay: lambda rng: [
        (np.zeros((3, 3), dtype=int), 2, 0.9, 0.5, 0.3, 20, 8),
        (np.zeros((2, 2), dtype=np.int8), 2, 0.9, 0.5, 0.1, 9, 60, 2),
        (np.zeros((3, 3), dtype=int), 2),
    ],
}
