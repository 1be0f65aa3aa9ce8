"""Weather and flow stencils, self energies, contours, masks and spectra: the inner loops of larger codes, with slices."""

import numpy as np

BET_M, BET_P = 0.5, 0.5


def build_up_b(rho, dt, dx, dy, u, v):
    b = np.zeros_like(u)
    b[1:-1, 1:-1] = rho * (
        1 / dt * ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx) + (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy))
        - ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)) ** 2
        - 2 * ((u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx))
        - ((v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)) ** 2
    )
    # Periodic in x
    b[1:-1, -1] = rho * (1 / dt * ((u[1:-1, 0] - u[1:-1, -2]) / (2 * dx) + (v[2:, -1] - v[0:-2, -1]) / (2 * dy)))
    b[1:-1, 0] = rho * (1 / dt * ((u[1:-1, 1] - u[1:-1, -1]) / (2 * dx) + (v[2:, 0] - v[0:-2, 0]) / (2 * dy)))
    return b


def pressure_poisson_periodic(nit, p, dx, dy, b):
    pn = np.empty_like(p)
    for q in range(nit):
        pn = p.copy()
        p[1:-1, 1:-1] = ((pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2) / (
            2 * (dx**2 + dy**2)
        ) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
        p[1:-1, -1] = ((pn[1:-1, 0] + pn[1:-1, -2]) * dy**2 + (pn[2:, -1] + pn[0:-2, -1]) * dx**2) / (
            2 * (dx**2 + dy**2)
        ) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, -1]
        p[1:-1, 0] = ((pn[1:-1, 1] + pn[1:-1, -1]) * dy**2 + (pn[2:, 0] + pn[0:-2, 0]) * dx**2) / (
            2 * (dx**2 + dy**2)
        ) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 0]
        p[-1, :] = p[-2, :]
        p[0, :] = p[1, :]


def channel_flow(nit, u, v, dt, dx, dy, p, rho, nu, F, limit=40):
    """Periodic channel, driven until the mean speed settles; the number of steps."""
    udiff = 1
    stepcount = 0
    while udiff > 0.001 and stepcount < limit:
        un = u.copy()
        vn = v.copy()
        b = build_up_b(rho, dt, dx, dy, u, v)
        pressure_poisson_periodic(nit, p, dx, dy, b)
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[0:-2, 1:-1])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
            + nu
            * (
                dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
                + dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[0:-2, 1:-1])
            )
            + F * dt
        )
        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[0:-2, 1:-1])
            - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[0:-2, 1:-1])
            + nu
            * (
                dt / dx**2 * (vn[1:-1, 2:] - 2 * vn[1:-1, 1:-1] + vn[1:-1, 0:-2])
                + dt / dy**2 * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[0:-2, 1:-1])
            )
        )
        u[1:-1, -1] = un[1:-1, -1] - un[1:-1, -1] * dt / dx * (un[1:-1, -1] - un[1:-1, -2]) + F * dt
        u[1:-1, 0] = un[1:-1, 0] - un[1:-1, 0] * dt / dx * (un[1:-1, 0] - un[1:-1, -1]) + F * dt
        u[0, :] = 0
        u[-1, :] = 0
        v[0, :] = 0
        v[-1, :] = 0
        udiff = (np.sum(u) - np.sum(un)) / np.sum(u)
        stepcount += 1
    return stepcount


def horizontal_diffusion(in_field, coeff):
    out_field = np.zeros((in_field.shape[0] - 4, in_field.shape[1] - 4, in_field.shape[2]), dtype=in_field.dtype)
    I, J = out_field.shape[:2]
    lap_field = 4.0 * in_field[1 : I + 3, 1 : J + 3, :] - (
        in_field[2 : I + 4, 1 : J + 3, :]
        + in_field[0 : I + 2, 1 : J + 3, :]
        + in_field[1 : I + 3, 2 : J + 4, :]
        + in_field[1 : I + 3, 0 : J + 2, :]
    )
    res = lap_field[1:, 1 : J + 1, :] - lap_field[:-1, 1 : J + 1, :]
    flx_field = np.where(
        (res * (in_field[2 : I + 3, 2 : J + 2, :] - in_field[1 : I + 2, 2 : J + 2, :])) > 0,
        0,
        res,
    )
    res = lap_field[1 : I + 1, 1:, :] - lap_field[1 : I + 1, :-1, :]
    fly_field = np.where(
        (res * (in_field[2 : I + 2, 2 : J + 3, :] - in_field[2 : I + 2, 1 : J + 2, :])) > 0,
        0,
        res,
    )
    out_field[:, :, :] = in_field[2 : I + 2, 2 : J + 2, :] - coeff[:, :, :] * (
        flx_field[1:, :, :] - flx_field[:-1, :, :] + fly_field[:, 1:, :] - fly_field[:, :-1, :]
    )
    return out_field


def vertical_advection(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    """Implicit in the vertical: a tridiagonal system for every column, solved level by level."""
    I, J, K = utens_stage.shape
    ccol = np.empty((I, J, K), dtype=utens_stage.dtype)
    dcol = np.empty((I, J, K), dtype=utens_stage.dtype)
    data_col = np.empty((I, J), dtype=utens_stage.dtype)
    for k in range(1):
        gcv = 0.25 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
        cs = gcv * BET_M
        ccol[:, :, k] = gcv * BET_P
        bcol = dtr_stage - ccol[:, :, k]
        correction_term = -cs * (u_stage[:, :, k + 1] - u_stage[:, :, k])
        dcol[:, :, k] = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + correction_term
        divided = 1.0 / bcol
        ccol[:, :, k] = ccol[:, :, k] * divided
        dcol[:, :, k] = dcol[:, :, k] * divided
    for k in range(1, K - 1):
        gav = -0.25 * (wcon[1:, :, k] + wcon[:-1, :, k])
        gcv = 0.25 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
        as_ = gav * BET_M
        cs = gcv * BET_M
        acol = gav * BET_P
        ccol[:, :, k] = gcv * BET_P
        bcol = dtr_stage - acol - ccol[:, :, k]
        correction_term = -as_ * (u_stage[:, :, k - 1] - u_stage[:, :, k]) - cs * (u_stage[:, :, k + 1] - u_stage[:, :, k])
        dcol[:, :, k] = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + correction_term
        divided = 1.0 / (bcol - ccol[:, :, k - 1] * acol)
        ccol[:, :, k] = ccol[:, :, k] * divided
        dcol[:, :, k] = (dcol[:, :, k] - (dcol[:, :, k - 1]) * acol) * divided
    for k in range(K - 1, K):
        gav = -0.25 * (wcon[1:, :, k] + wcon[:-1, :, k])
        as_ = gav * BET_M
        acol = gav * BET_P
        bcol = dtr_stage - acol
        correction_term = -as_ * (u_stage[:, :, k - 1] - u_stage[:, :, k])
        dcol[:, :, k] = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + correction_term
        divided = 1.0 / (bcol - ccol[:, :, k - 1] * acol)
        dcol[:, :, k] = (dcol[:, :, k] - (dcol[:, :, k - 1]) * acol) * divided
    for k in range(K - 1, K - 2, -1):
        datacol = dcol[:, :, k]
        data_col[:] = datacol
        utens_stage[:, :, k] = dtr_stage * (datacol - u_pos[:, :, k])
    for k in range(K - 2, -1, -1):
        datacol = dcol[:, :, k] - ccol[:, :, k] * data_col[:, :]
        data_col[:] = datacol
        utens_stage[:, :, k] = dtr_stage * (datacol - u_pos[:, :, k])


def scattering_self_energies(neigh_idx, dH, G, D, Sigma):
    for k in range(G.shape[0]):
        for E in range(G.shape[1]):
            for q in range(D.shape[0]):
                for w in range(D.shape[1]):
                    for i in range(D.shape[-2]):
                        for j in range(D.shape[-1]):
                            for a in range(neigh_idx.shape[0]):
                                for b in range(neigh_idx.shape[1]):
                                    if E - w >= 0:
                                        dHG = G[k, E - w, neigh_idx[a, b]] @ dH[a, b, i]
                                        dHD = dH[a, b, j] * D[q, w, a, b, i, j]
                                        Sigma[k, E, a] += dHG @ dHD


def contour_integral(NR, NM, slab_per_bc, Ham, int_pts, Y):
    P0 = np.zeros((NR, NM), dtype=np.complex128)
    P1 = np.zeros((NR, NM), dtype=np.complex128)
    for idx in range(int_pts.shape[0]):
        z = int_pts[idx]
        Tz = np.zeros((NR, NR), dtype=np.complex128)
        for n in range(slab_per_bc + 1):
            zz = np.power(z, slab_per_bc / 2 - n)
            Tz += zz * Ham[n]
        if NR == NM:
            X = np.linalg.inv(Tz)
        else:
            X = np.linalg.solve(Tz, Y)
        if abs(z) < 1.0:
            X *= -1
        P0 += X
        P1 += z * X
    return P0, P1


def azimuthal_masks(data, radius, npt):
    """Mean of the data in rings, each with a mask of its own."""
    rmax = radius.max()
    res = np.zeros(npt, dtype=np.float64)
    for i in range(npt):
        r1 = rmax * i / npt
        r2 = rmax * (i + 1) / npt
        mask_r12 = np.logical_and((r1 <= radius), (radius < r2))
        values_r12 = data[mask_r12]
        on_values = values_r12.mean()
        res[i] = on_values
    return res


def azimuthal_histogram(data, radius, npt):
    histu = np.histogram(radius, npt)[0]
    histw = np.histogram(radius, npt, weights=data)[0]
    return histw / histu


def compute(array_1, array_2, a, b, c):
    return np.clip(array_1, 2, 10) * a + array_2 * b + c


def trace_tanh(a):
    trace = 0.0
    for i in range(a.shape[0]):
        trace += np.tanh(a[i, i])
    return a + trace


def mandelbrot_grid(xmin, xmax, ymin, ymax, xn, yn, maxiter, horizon=2.0):
    """Complex numbers on a grid, masked where they have escaped."""
    X = np.linspace(xmin, xmax, xn, dtype=np.float64)
    Y = np.linspace(ymin, ymax, yn, dtype=np.float64)
    C = X + Y[:, None] * 1j
    N = np.zeros(C.shape, dtype=np.int64)
    Z = np.zeros(C.shape, dtype=np.complex128)
    for n in range(maxiter):
        I = np.less(abs(Z), horizon)
        N[I] = n
        Z[I] = Z[I] ** 2 + C[I]
    N[N == maxiter - 1] = 0
    return Z, N


def mandelbrot_shrinking(xmin, xmax, ymin, ymax, xn, yn, itermax, horizon=2.0):
    """Points that have escaped leave the arrays."""
    Xi, Yi = np.mgrid[0:xn, 0:yn]
    X = np.linspace(xmin, xmax, xn)[Xi]
    Y = np.linspace(ymin, ymax, yn)[Yi]
    C = X + Y * 1j
    N_ = np.zeros(C.shape, dtype=np.int64)
    Z_ = np.zeros(C.shape, dtype=np.complex128)
    Xi.shape = Yi.shape = C.shape = xn * yn
    Z = np.zeros(C.shape, np.complex128)
    for i in range(itermax):
        if not len(Z):
            break
        np.multiply(Z, Z, Z)
        np.add(Z, C, Z)
        I = abs(Z) > horizon
        N_[Xi[I], Yi[I]] = i + 1
        Z_[Xi[I], Yi[I]] = Z[I]
        np.logical_not(I, I)
        Z = Z[I]
        Xi, Yi = Xi[I], Yi[I]
        C = C[I]
    return Z_.T, N_.T


def get_acc(pos, mass, G, softening):
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r3 = dx**2 + dy**2 + dz**2 + softening**2
    inv_r3[inv_r3 > 0] = inv_r3[inv_r3 > 0] ** (-1.5)
    ax = G * (dx * inv_r3) @ mass
    ay = G * (dy * inv_r3) @ mass
    az = G * (dz * inv_r3) @ mass
    a = np.hstack((ax, ay, az))
    return a


def get_energy(pos, vel, mass, G):
    KE = 0.5 * np.sum(np.sum(mass * vel**2))
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r = np.sqrt(dx**2 + dy**2 + dz**2)
    inv_r[inv_r > 0] = 1.0 / inv_r[inv_r > 0]
    PE = G * np.sum(np.sum(np.triu(-(mass * mass.T) * inv_r, 1)))
    return KE, PE


def nbody_pairwise(mass, pos, vel, Nt, dt, G, softening):
    vel -= np.mean(mass * vel, axis=0) / np.mean(mass)
    acc = get_acc(pos, mass, G, softening)
    KE = np.ndarray(Nt + 1, dtype=np.float64)
    PE = np.ndarray(Nt + 1, dtype=np.float64)
    KE[0], PE[0] = get_energy(pos, vel, mass, G)
    for i in range(Nt):
        vel += acc * dt / 2.0
        pos += vel * dt
        acc = get_acc(pos, mass, G, softening)
        vel += acc * dt / 2.0
        KE[i + 1], PE[i + 1] = get_energy(pos, vel, mass, G)
    return KE, PE


def spmv(A_row, A_col, A_val, x):
    y = np.empty(A_row.size - 1, A_val.dtype)
    for i in range(A_row.size - 1):
        cols = A_col[A_row[i] : A_row[i + 1]]
        vals = A_val[A_row[i] : A_row[i + 1]]
        y[i] = vals @ x[cols]
    return y


def mgrid(xn, yn):
    Xi = np.empty((xn, yn), dtype=np.uint32)
    Yi = np.empty((xn, yn), dtype=np.uint32)
    for i in range(xn):
        Xi[i, :] = i
    for j in range(yn):
        Yi[:, j] = j
    return Xi, Yi


def stockham_fft(N, R, K, x, y):
    dft_mat = np.empty((R, R), dtype=np.complex128)
    i_coord, j_coord = mgrid(R, R)
    dft_mat = np.exp(-2.0j * np.pi * i_coord * j_coord / R)
    y[:] = x[:]
    ii_coord, jj_coord = mgrid(R, R**K)
    for i in range(K):
        yv = np.reshape(y, (R**i, R, R ** (K - i - 1)))
        tmp_perm = np.transpose(yv, axes=(1, 0, 2))
        D = np.empty((R, R**i, R ** (K - i - 1)), dtype=np.complex128)
        tmp = np.exp(-2.0j * np.pi * ii_coord[:, : R**i] * jj_coord[:, : R**i] / R ** (i + 1))
        D[:] = np.repeat(np.reshape(tmp, (R, R**i, 1)), R ** (K - i - 1), axis=2)
        tmp_twid = np.reshape(tmp_perm, (N,)) * np.reshape(D, (N,))
        y[:] = np.reshape(dft_mat @ np.reshape(tmp_twid, (R, R ** (K - 1))), (N,))


def crc16(data, poly=0x8408):
    crc = 0xFFFF
    for b in data:
        cur_byte = 0xFF & b
        for _ in range(0, 8):
            if (crc & 0x0001) ^ (cur_byte & 0x0001):
                crc = (crc >> 1) ^ poly
            else:
                crc >>= 1
            cur_byte >>= 1
    crc = ~crc & 0xFFFF
    crc = (crc << 8) | ((crc >> 8) & 0xFF)
    return crc & 0xFFFF


def arc_distance(theta_1, phi_1, theta_2, phi_2):
    temp = np.sin((theta_2 - theta_1) / 2) ** 2 + np.cos(theta_1) * np.cos(theta_2) * np.sin((phi_2 - phi_1) / 2) ** 2
    distance_matrix = 2 * (np.arctan2(np.sqrt(temp), np.sqrt(1 - temp)))
    return distance_matrix


def field(rng, *shape, dtype=np.float64):
    return rng.random(shape).astype(dtype)


def channel(rng, n, nit, dtype=np.float64, **more):
    zero = lambda value=0.0: np.full((n, n + 1), value, dtype)
    return (nit, zero(), zero(), 0.1 / n, 2 / n, 2 / (n - 1), zero(1.0), 1, 0.1, 1.0)


def advected(rng, i, j, k, dtype=np.float64):
    return (
        *(field(rng, i, j, k, dtype=dtype) for _ in range(2)),
        field(rng, i + 1, j, k, dtype=dtype),
        *(field(rng, i, j, k, dtype=dtype) for _ in range(2)),
        3.0 / 20.0,
    )


def energies(rng, nkz, ne, nqz, nw, n3d, na, nb, norb):
    c = lambda *shape: rng.random(shape) + 1j * rng.random(shape)
    return (
        rng.integers(0, na, (na, nb)),
        c(na, nb, n3d, norb, norb),
        c(nkz, ne, na, norb, norb),
        c(nqz, nw, na, nb, n3d, n3d),
        np.zeros((nkz, ne, na, norb, norb), np.complex128),
    )


def contour(rng, nr, nm, slabs, points):
    c = lambda *shape: rng.random(shape) + 1j * rng.random(shape)
    return nr, nm, slabs, c(slabs + 1, nr, nr), c(points) * 1.2, c(nr, nm)


def bodies(rng, n, steps):
    return 20.0 * np.ones((n, 1)) / max(n, 1), rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), steps, 0.01, 1.0, 0.1


def sparse(rng, n, m, dtype=np.float64):
    counts = rng.integers(0, 6, n)
    rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
    return (
        rows,
        rng.integers(0, m, rows[-1]).astype(np.uint32),
        field(rng, int(rows[-1]), dtype=dtype),
        field(rng, m, dtype=dtype),
    )


def strided(rng, r, k):
    n = r**k
    x = rng.random(n) + 1j * rng.random(n)
    return n, r, k, x, np.zeros_like(x)


CASES = {
    channel_flow: lambda r: [channel(r, 20, 5), (*channel(r, 5, 1), 3), channel(r, 6, 2, np.float32)],
    horizontal_diffusion: lambda r: [
        (field(r, 20, 22, 12), field(r, 16, 18, 12)),
        (field(r, 5, 5, 1), field(r, 1, 1, 1)),
        (field(r, 9, 8, 3, dtype=np.float32), field(r, 5, 4, 3, dtype=np.float32)),
        (field(r, 6, 6, 2), field(r, 3, 2, 2)),
    ],
    vertical_advection: lambda r: [
        advected(r, 12, 10, 20),
        advected(r, 1, 2, 2),
        advected(r, 5, 4, 6, np.float32),
        advected(r, 2, 2, 1),
    ],
    scattering_self_energies: lambda r: [
        energies(r, 2, 3, 2, 2, 2, 3, 2, 3),
        energies(r, 1, 1, 1, 1, 1, 1, 1, 1),
        energies(r, 1, 2, 1, 3, 1, 2, 0, 2),
    ],
    contour_integral: lambda r: [
        contour(r, 12, 20, 2, 8),
        contour(r, 6, 6, 2, 4),
        contour(r, 1, 2, 1, 1),
        contour(r, 3, 2, 3, 0),
    ],
    azimuthal_masks: lambda r: [
        (field(r, 3000), field(r, 3000), 20),
        (field(r, 5, dtype=np.float32), field(r, 5), 9),
        (field(r, 0), field(r, 0), 3),
    ],
    azimuthal_histogram: lambda r: [
        (field(r, 3000), field(r, 3000), 20),
        (field(r, 5), field(r, 5), 3),
        (field(r, 0), field(r, 0), 3),
    ],
    compute: lambda r: [
        (r.integers(0, 1000, (50, 40)), r.integers(0, 1000, (50, 40)), 4, 3, 9),
        (field(r, 3), field(r, 3), 4.0, 3, 9),
        (np.arange(5, dtype=np.int16), np.arange(5, dtype=np.int16), 4, np.int64(3), 9.5),
        (np.arange(0), np.arange(0), 1, 1, 1),
    ],
    trace_tanh: lambda r: [
        (field(r, 60, 60),),
        (field(r, 3, 4, dtype=np.float32),),
        (field(r, 4, 3),),
        (np.arange(9).reshape(3, 3),),
        (field(r, 0, 0),),
    ],
    mandelbrot_grid: lambda r: [(-1.75, 0.25, -1.00, 1.00, 30, 25, 20), (-1, 1, -1, 1, 3, 2, 4, 1.5), (0, 1, 0, 1, 2, 2, 0)],
    mandelbrot_shrinking: lambda r: [
        (-1.75, 0.25, -1.00, 1.00, 30, 25, 20),
        (2.0, 3.0, 2.0, 3.0, 3, 2, 5),
        (-1, 1, -1, 1, 1, 1, 2, 1.5),
    ],
    nbody_pairwise: lambda r: [bodies(r, 25, 10), bodies(r, 1, 2), bodies(r, 3, 0), bodies(r, 2, 1)],
    spmv: lambda r: [
        sparse(r, 200, 150),
        sparse(r, 1, 4),
        sparse(r, 0, 3),
        sparse(r, 12, 9, np.float32),
        (*sparse(r, 12, 9)[:3], field(r, 2)),
    ],
    stockham_fft: lambda r: [strided(r, 2, 7), strided(r, 3, 4), strided(r, 4, 1), strided(r, 2, 0)],
    crc16: lambda r: [(r.integers(0, 256, 300).astype(np.uint8),), (b"123456789",), (b"",), ([1, 300, -2], 0x1021)],
    arc_distance: lambda r: [
        tuple(field(r, 500) for _ in range(4)),
        tuple(field(r, 1, dtype=np.float32) for _ in range(4)),
        (0.1, 0.2, 0.3, 0.4),
        tuple(np.zeros(0) for _ in range(4)),
    ],
}
