"""Every constant of the hidden world, each with its source.

Marks: [S] a source was read; [D] worked out from published data; [M] textbook or
remembered literature, the reference named; [A] an assumption of this simulator.
Planner and analysis have their own numbers and never read these.
"""

import math

# Exciton absorption of BA2MA(n-1)Pb(n)I(3n+1) for n = 1..5, eV. n = 1 and the gaps
# 2.17, 2.03, 1.91 for n = 2..4: [M] Stoumpos, Chem. Mater. 2016, 28, 2852; n = 5: [S]
# Stoumpos, Chem 2017 (abstract). Room temperature.
IODIDE_LADDER_EV = (2.41, 2.17, 2.03, 1.91, 1.83)
# Interpolant above n = 5, limit 1.57: E = 1.57 + 410 / (n + 7.127)^2.945. [D] fit to
# the five energies above, good to 0.01 eV.
LADDER_LIMIT_EV = 1.57
LADDER_SCALE_EV = 410.0
LADDER_SHIFT = 7.127
LADDER_POWER = 2.945
# Bromides, BA or MA, n = 1..4 and without limit. [M] absorption of nanoplatelets and
# layered crystals; CsPbBr3 platelets [D] step likewise.
BROMIDE_LADDER_EV = (3.03, 2.86, 2.70, 2.61)
BROMIDE_LIMIT_EV = 2.30
# Confinement of bromides above n = 4, relative to iodides. [A] ratio at n = 4 of the
# two ladders, 0.31 / 0.34 eV.
BROMIDE_CONFINEMENT = 0.91
# Chlorides: n = 1 PEA 3.64 and MAPbCl3 3.05. [M]
CHLORIDE_N1_EV = 3.64
CHLORIDE_LIMIT_EV = 3.05
# Bowing I/Br: 0.33 in three dimensions, [M] Noh, Nano Lett. 2013; in layers 0.2, within
# the 0.1-0.3 [A] of a pseudobinary alloy ([S] Lanty, J. Phys. Chem. Lett. 2014).
BOWING_3D_EV = 0.33
BOWING_2D_EV = 0.20
BOWING_BR_CL_EV = 0.20  # [A]
# An iodide lattice takes up little chloride; the rest leaves as the organic salt. [M]
CHLORIDE_IN_IODIDE = 0.03
# A site, shift of the 3D edge against MA, iodide: FA 1.53, Cs 1.73. [M]; Rb as Cs, K
# [A].
A_SITE_SHIFT_EV = {"MA": 0.0, "FA": -0.035, "Cs": 0.16, "Rb": 0.18, "K": 0.0}
# Share of that shift which layers of n sheets feel: 0.8 (1 - 1/n). [A]
A_SITE_LAYER_SHARE = 0.8
# Tin: A Pb(1-x)Sn(x) I3 bowed, minimum near x = 0.6, [S] J. Mater. Chem. A 2019
# (c9ta05308e), b about 0.6 eV [M]; PEA2SnI4 2.03 eV [M].
TIN_SHIFT_3D_EV = -0.30
TIN_SHIFT_2D_EV = -0.37
TIN_BOWING_EV = 0.60
# Exciton of n = 1 iodides, eV. [M] with +-0.03 unless the spacer is BA or PEA; BDA from
# the emission at 524 nm of BDA-rich wells [D], against a remembered 2.46.
EXCITON_N1_EV = {
    "PA": 2.40, "BA": 2.41, "PeA": 2.40, "HA": 2.37, "OA": 2.40, "NoA": 2.40,
    "DeA": 2.41, "DDA": 2.42, "CHA": 2.44, "CHMA": 2.43, "BZA": 2.41, "PEA": 2.40,
    "4F-PEA": 2.38, "4Cl-PEA": 2.37, "4Br-PEA": 2.36, "4Me-PEA": 2.38, "MBA": 2.48,
    "TEA": 2.38, "BDA": 2.41, "HIA": 2.05, "CYS": 2.10,
}  # fmt: skip
# Spacers whose whole ladder is known, n = 1..4. [M] Mao, J. Am. Chem. Soc. 2018
# (10.1021/jacs.8b00542) for 3AMP and 4AMP; Soe, J. Am. Chem. Soc. 2017 for GA.
KNOWN_LADDER_EV = {
    "3AMP": (2.23, 2.02, 1.92, 1.87),
    "4AMP": (2.38, 2.17, 1.99, 1.89),
    "GA": (2.27, 1.99, 1.73, 1.66),
}
SPACER_SHIFT_POWER = 1.5  # [A] dE(n) = dE(1) n^-1.5
UNLISTED_SPACER_EV = 0.03  # [A] spread of the shift of spacers without a listed value
LISTED_SPACER_EV = 0.006  # [A] what a listed value hides: sample, temperature, reading
# 3D-like grains between layers of spacer emit bluer than the bulk, the more the fewer
# they are: [D] 784-791 nm in FA-rich films with spacer, against 800-815 nm bulk [M].
GRAIN_SHIFT_EV = 0.040
SMALL_GRAIN_SHIFT_EV = 0.050
SMALL_GRAIN_SHARE = 0.12
# Binding energy 1s: 16 + 454 n^-0.887 meV goes through 470 meV (n = 1), 125 (n = 5) of
# [S] Blancon, Nat. Commun. 2018, 9, 2254. Other work has 200-300 meV for n = 1.
BINDING_3D_EV = 0.016
BINDING_N1_EV = 0.454
BINDING_POWER = 0.887
# Rydberg of the excited states, 0.11 +- 0.04 eV at n = 4. [S] Blancon 2018
RYDBERG_EV = 0.11
# Stokes shift n = 1: 0.03, falling to 0.005. [A] within 10-40 meV; agrees with the
# emission lines 2.38, 2.16, 2.03, 1.92, 1.83 eV to 0.015 eV.
STOKES_N1_EV = 0.030
STOKES_LIMIT_EV = 0.005
STOKES_POWER = 2.0

# Exciton peak n = 1 about 1-2e5 /cm [M]; falls with n as the layers dilute. [A]
EXCITON_PEAK_PER_NM = 0.0145
EXCITON_PEAK_POWER = 0.85
EXCITON_PEAK_3D_PER_NM = 0.0014
# Continuum at the gap, and its growth towards the blue; with these MAPbI3 has 3e4 /cm
# at 1.8 eV and 1.0e5 /cm at 2.9 eV. [M] npj Comput. Mater. 2020 (s41524-020-0307-8): >
# 3e4.
CONTINUUM_PER_NM = 0.0030
CONTINUUM_LAYERED = 0.5
CONTINUUM_RISE_EV = 0.80
CONTINUUM_RISE_POWER = 1.5
# FWHM of the 1s line, eV: n = 1 0.055, n = 4 0.085, 3D 0.060. [M] 50-80 and 70-100 meV
LINE_FWHM_EV = (0.058, 0.070, 0.078, 0.084, 0.088, 0.090, 0.092, 0.094, 0.060)
LORENTZ_SHARE = 0.25  # [A] of the pseudo-Voigt line
# Phonon side band of the absorption line. [A] Huang-Rhys factor and energy
PHONON_SHARE = 0.16
PHONON_EV = 0.042
PHONON_WIDTH = 1.3  # against the line's
# Lorentzian wings end below the line, as Urbach tails do. [A] in widths of the line
WING_START = 1.5
WING_WIDTH = 0.3
SECOND_EXCITON_WIDTH = 1.4  # [A] against the 1s line's
SECOND_EXCITON_MOST = 0.6  # [A] at most this share of the binding below the gap
SECOND_EXCITON_SHARE = 0.10  # [A] 2s against 1s; ideal 1/27, measured up to 0.1
ALLOY_EDGE = 0.3  # [A] of that, on the continuum's edge
ALLOY_FWHM_EV = 0.055  # [D] mixed halides 108-160 meV wide: 4 x (1 - x) times this
EDGE_WIDTH_2D_EV = 0.030  # [A]
EDGE_WIDTH_3D_EV = 0.016  # [M] Urbach energy about 15 meV
# Other absorbers: onset eV, width eV, strength /nm. PbI2 edge 2.4 eV [S]; yellow
# delta phase 2.6, lead iodide chains 3.0, solvates 2.8 [A].
LEAD_IODIDE_EDGE = (2.41, 0.030, 0.0060)
DELTA_EDGE = (2.62, 0.050, 0.0045)
CHAIN_EDGE = (3.00, 0.050, 0.0050)
SOLVATE_EDGE = (2.80, 0.120, 0.0025)
# Film index n = a + b / lambda^2, lambda in micrometres. [M] 2.0-2.4 in the visible
INDEX_LAYERED = 1.85
INDEX_3D = 2.20
INDEX_DISPERSION_UM2 = 0.055
INDEX_GLASS = 1.52
GLASS_EDGE_NM = 316.0  # [M] soda-lime below 320 nm
GLASS_EDGE_WIDTH_NM = 6.0
SCATTER_POWER_ROUGH = 2.0  # [S] lambda^-k, k from 2 (large grains) to 4 (fine)
SCATTER_POWER_FINE = 4.0
SCATTER_REFERENCE_NM = 550.0

# Cubic angstrom a lead: MAPbI3 249 (a = 6.29), PbI4 sheet 280, heavy atom of a spacer
# 25. [D] (BA)2PbI4: 8.86 x 8.68 x 27.6 / 4 = 530
VOLUME_3D_A3 = 249.0
VOLUME_SHEET_A3 = 280.0
VOLUME_HEAVY_ATOM_A3 = 25.0
VOLUME_BROMIDE = 0.83  # bromide against iodide [M]
VOLUME_LEAD_IODIDE_A3 = 124.0
VOLUME_DELTA_A3 = 256.0

# Dry thickness 480 nm for 1.25 M at 4500 rpm [M] 1.0-1.5 M inks give 400-600 nm;
# exponents [M] Meyerhofer, J. Appl. Phys. 1978 for speed -1/2; concentration [A].
THICKNESS_NM = 480.0
THICKNESS_PB_M = 1.25
THICKNESS_RPM = 4500.0
THICKNESS_PB_POWER = 1.55
THICKNESS_SPEED_POWER = -0.5
THICKNESS_VOLUME_POWER = 0.5
FULL_COVER_UL = 12.0  # [A] wets a 25 mm substrate
INERT_NM_PER_M = 60.0  # [A] of a monolayer's or fullerene's solute, before spin speed
# An unspun film against a spun one: thickness, half of it at this volume; inert solute;
# quality against that of a film without a drop. [A]
DROP_CAST_THICKNESS = 6.0
DROP_CAST_UL = 50.0
DROP_CAST_INERT = 5.0
DROP_CAST_QUALITY = 0.5
SPREADS_RPM = 200.0  # [A] a film spreads as if it turned at least this fast
# Share of DMF, DMSO and the like above which a liquid dissolves the film below, and
# below which it is a drop and no ink. [A]
REDISSOLVES_POLAR = 0.5
DROP_POLAR = 0.4
SOLUBLE_PB_M = 2.0  # [A] what is above precipitates
# Drying time to the drop window, seconds at 4000 rpm, per pure solvent. [M] 3-10 s for
# DMF, 10-25 s for DMF:DMSO 4:1 at 4000-5000 rpm; the others [A].
DRYING_S = {
    "dmf": 7.0, "dmso": 46.0, "nmp": 40.0, "gbl": 30.0, "dmac": 12.0, "acn": 2.0,
    "2-me": 4.0, "2me": 4.0, "thf": 2.0, "water": 15.0,
}  # fmt: skip
OTHER_DRYING_S = 5.0
DRYING_RPM = 4000.0
# Thinning goes with speed, evaporation with its root: in between. [A]
DRYING_SPEED_POWER = 0.7
# Window of the drop, seconds at 4000 rpm: slow rise, fast fall. [A] width 2-4 s
WINDOW_EARLY_S = 4.2
WINDOW_LATE_S = 2.6
WINDOW_BROMIDE = -0.45  # [A] bromide-rich inks nucleate earlier
WINDOW_DILUTE_POWER = -0.25  # [A] of the ink's lead concentration against 1 M
WINDOW_LEAST_PB_M = 0.05  # [A] more dilute, the window moves no further
# Thinning ends with a drop from this share of the window on, or without one when the
# film is dry; taken off before it is hardly wet, it runs. [A]
DROP_SETS_AT_WINDOW = 0.4
DRY_AT_WINDOW = 1.3
WET_UNTIL_WINDOW = 0.8
TAKEN_WET_QUALITY = 0.5
# Too little of a coordinating solvent and no intermediate forms, too much and it stays:
# DMF:DMSO 8:2 was the best of a series for (PEA)2(MA)n-1Pb(n)I(n+1)Br(2n). [S] RSC Adv.
# 2019 (c9ra00971j); the width [A]
COORDINATING = frozenset({"dmso", "nmp"})
COORDINATING_BEST = 0.20
COORDINATING_WIDTH = 0.22
COORDINATING_WORST = 0.5
# Antisolvents: how well they strip the solvent without dissolving the cations. [A] from
# what laboratories choose
ANTISOLVENT = {
    "chlorobenzene": 1.0, "cb": 1.0, "toluene": 0.97, "diethylether": 0.90, "dee": 0.90,
    "anisole": 0.97, "ethylacetate": 0.92, "methylacetate": 0.88, "chloroform": 0.90,
    "dcm": 0.85, "ipa": 0.50, "isopropanol": 0.50, "ethanol": 0.35, "hexane": 0.60,
}  # fmt: skip
OTHER_ANTISOLVENT = 0.3
DROP_ENOUGH_UL = 55.0  # [A] 1 - exp(-V / this)
DROP_FLOODS_UL = 600.0  # [A] more washes the film away
NO_DROP_QUALITY = 0.12
QUALITY_WORST = 0.02  # [A]
WAIT_QUALITY_S = 180.0  # [A] a film waiting for its anneal coarsens
WAIT_QUALITY_LOSS = 0.4
PINHOLES = 0.10  # [A] uncovered share of the worst film
HAZE = 0.30  # [A] naperian depth at 550 nm of the worst film
HAZE_POWER = 1.5  # [A] of what its quality lacks
HAZE_THICKNESS_NM = 300.0  # [A] grows in proportion up to HAZE_THICKNESS_MOST times
HAZE_THICKNESS_MOST = 3.0
LN_HAZE_FILM = 0.3  # [A]
ROUGHNESS_NM = (6.0, 55.0)  # [A] best and worst
VACUUM_HOLDS_RPM = 60.0  # [A] faster, a substrate without vacuum flies off

# Width of the distribution in ln n, and the share that falls apart into thin layers and
# 3D grains; both grow with distance from what suits the spacer. [A] throughout; that
# films never have one n is [S], and that 6-7 is the limit of pure phases [S] Soe,
# PNAS 2019 (title).
WIDTH_LN = 0.150
WIDTH_N_MISMATCH = 4.0
WIDTH_LATTICE = 0.30
WIDTH_LATTICE_MOST = 1.5
WIDTH_DROP = 0.9
WIDTH_UNORDERED = 0.8
APART = 0.02
APART_N = 0.05
APART_DROP = 0.35
APART_UNANNEALED = 0.30
# FA-rich films: n = 2 holds back the 3D-like phase and delta-FAPbI3 forms, until they
# are annealed. [S] the two reports on quasi-2D FA films (ChemRxiv 6492247f; NSF PAR)
APART_FA = 0.30
APART_CS = 0.9  # above 20 % Cs
APART_CS_MOST = 0.9
CS_TOLERATED = 0.20
APART_BR = 0.25
DELTA_FA = 0.5
APART_MOST = 0.97
LOW_N_ONE = 0.55  # share of n = 1 among the thin layers that fall out; less with FA
LOW_N_ONE_FA = 0.6
ORDINARY_N = 3.0  # [A] thicker layers fall apart more; spacers favour about this one
LEAST_INVERSE_N = 0.05  # [A] thicker than 20 layers, ordering is that of 20
GRAIN_LAYERS = 13.0  # [A] where 3D grains lie in the distribution over ln n
# Spacing of the inorganic lattice, angstrom: MA 6.31, FA 6.36, Cs 6.20. [M]
LATTICE_A = {"MA": 6.31, "FA": 6.36, "Cs": 6.20, "Rb": 6.15, "K": 6.15}
LATTICE_BROMIDE_A = -0.38
LATTICE_TIN_A = -0.05
LATTICE_TOLERANCE_A = 0.055
GRADIENT = (0.35, 0.85)  # [A] thin layers gather at the substrate: best, worst film
SUBLAYERS = 3

# What a spacer's molecule does. [A] throughout, in the direction that descriptors point
# to (Lyu, J. Am. Chem. Soc. 2021: substituents at the nitrogen, rings, hydrogen bonds;
# Straus, J. Phys. Chem. Lett. 2019: disorder); spreads are hidden offsets of a spacer.
FORMS_SCORE = 1.0
FORMS_SUBSTITUENT = 2.5
FORMS_SHORT = 2.0  # per angstrom below 3.5
FORMS_LONG = 0.25  # per angstrom above 16
FORMS_POLAR = 0.03  # per square angstrom of polar surface above 60
FORMS_RINGS = 0.8  # per ring above two
FORMS_SPREAD = 1.3
FAVOURED_N = 2.6
FAVOURED = (1.6, 4.2)  # limits
FAVOURED_DIAMMONIUM = 0.20
FAVOURED_LENGTH = 0.02  # per angstrom above 6
FAVOURED_SPREAD = 0.30
DISORDER_BONDS = 0.02  # per rotatable bond above three
DISORDER_AROMATIC = 0.05
DISORDER_SPREAD = 0.10
DISORDER_LN = (-0.25, 0.45)  # limits
SPACER_LATTICE_A = 6.28
SPACER_LATTICE_AROMATIC_A = 0.012
SPACER_LATTICE_SPREAD_A = 0.035
SPACER_LATTICE_LIMITS_A = (6.17, 6.345)
SPACER_DRYING = 0.04
SPACER_DRYING_AROMATIC = 0.06
SPACER_DRYING_SPREAD = 0.11
SPACER_DRYING_LIMITS = (-0.25, 0.30)
SPACER_LOSS_LN = 0.9
SPACER_LOSS_WEIGHT = 0.010  # per g/mol above 74
SPACER_LOSS_DIAMMONIUM = 0.9
SPACER_LOSS_SPREAD = 0.35
SPACER_GROWTH_BONDS = 0.03  # per rotatable bond above four
SPACER_GROWTH_SPREAD = 0.30
SPACER_YIELD_SPREAD = 0.35

# X = 1 - exp(-(integral k dt)^m). m 1.5-3, energy 0.6-1.0 eV [M]; k so that 90 % are
# reached at 100 C in 5 min [M] 3-5 min.
JMAK_ORDER = 2.0
GROWTH_EV = 0.90
GROWTH_100C_S = math.log(10.0) ** (1.0 / JMAK_ORDER) / 300.0
# Spacers finding their places needs more heat than growth. [A]
ORDERING_EV = 1.15
ORDERING_100C_S = 0.0045
GROWTH_QUALITY = (0.6, 1.4)  # [A] rate in the worst and in the best film
SOLVATE_UNANNEALED = 0.5  # [A] share of lead in solvates before crystallisation
CAST_CRYSTALLINE = 0.15  # of the as-cast film, times the drop's quality [A]
# Loss of the A cation leaves PbI2. 1.54 eV for MAPbI3 [S] Smecca, PCCP 2016, others
# 0.6-1.3 [M]; rate at 150 C [A].
A_LOSS_EV = 1.30
A_LOSS_150C_S = 3.0e-4
A_LOSS_BY_ION = {"MA": 1.0, "FA": 0.22, "Cs": 0.02, "Rb": 0.02, "K": 0.02}
# Loss of the spacer, 1.2-1.6 eV with a prefactor of its own. [A]
SPACER_LOSS_EV = 1.25
SPACER_LOSS_150C_S = 3.0e-4
# Coarsening into thin layers and 3D grains. [A]
COARSENING_EV = 1.0
COARSENING_150C_S = 2.5e-3
COARSENING_MOST = 0.55
# delta- to alpha-FAPbI3 needs heat: 90 % in 5 min at 130 C. [A] after the
# time-temperature-transformation shape of [S] J. Mater. Chem. C 2025 (d5tc01126d)
ALPHA_EV = 0.90
ALPHA_130C_S = math.log(10.0) ** 0.5 / 300.0
FILM_LAG_S = 5.0  # [A] glass of 1 mm on a plate
FILM_COUPLING = 0.985  # [A] the film stays a little below the plate
AIR_COOLING_S = 18.0  # [A]

AMBIENT_C = 23.0
# Full power warms a cold plate by 60 K/min, losses follow a first-order law; 100 C is
# reached in 1.5-2 min and 150 C in 3 min, as on a ceramic laboratory plate. [A]
PLATE_POWER_K_S = 1.0
PLATE_LOSS_S = 300.0
PLATE_CONTROL_S = 15.0

LED_NM = 405.0
LED_FWHM_NM = 14.0
# FWHM of emission lines, eV. [M] n = 1 50-80 (46 in the published plates [D]), n = 2-4
# 70-100, 3D 90-110 meV (83 in the plates [D])
EMISSION_FWHM_EV = (0.050, 0.070, 0.078, 0.084, 0.088, 0.090, 0.092, 0.094, 0.088)
EMISSION_TAIL = 0.18  # [A] low-energy tail, share of the line
EMISSION_TAIL_EV = 0.045
EMISSION_TAIL_WIDTH = 1.4
EMISSION_LORENTZ = 0.15  # [A] of the pseudo-Voigt line
# Crystals of micrometres emit n = 1 and 2 with a broad red band besides. [M] dual
# emission of (PEA)2PbI4 crystals near 525 and 550 nm; [A] the shift that puts it at 552
# nm in wells, and its width.
SHOULDER_EV = 0.15
SHOULDER_FWHM_EV = 0.16
# Quantum yield inside a good film per n, without transfer. [A] within 1e-3-0.3
YIELD = (0.020, 0.020, 0.030, 0.045, 0.055, 0.060, 0.060, 0.060, 0.035)
# Lifetime of the donor, ps, and transfer time to an acceptor that fills the film. [S]
# 150 fs to 100 ps (Proppe, J. Phys. Chem. Lett. 2019; Williams, J. Chem. Phys. 2018)
LIFETIME_PS = (150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1500.0)
TRANSFER_PS = 4.0
TRANSFER_POWER = 1.1  # [A] of the acceptor's share
DEFECTS_DROP = 2.2  # [A] ln loss of yield of the worst drop
DEFECTS_UNANNEALED = 1.6
DEFECTS_LEAD_IODIDE = 6.0  # per share above what passivates
PASSIVATING_LEAD_IODIDE = 0.03
ESCAPE_PATH = 1.4  # [A] slanted rays against the film's thickness
# Halides part under light above x = 0.2, towards x = 0.2, less in thin layers. [M]
# Hoke, Chem. Sci. 2015
SEGREGATION_X = 0.20
SEGREGATION_WIDTH = 0.25
SEGREGATION_S = 90.0
SEGREGATION_FUNNEL = 5.0  # [A] how soon carriers find the parted spots
# Growth and decay under the excitation LED, seconds at full power. [A] for spun films;
# the classes of dried wells below are [D].
LIGHT_GAIN = 1.6
LIGHT_GROWTH_S = 240.0
LIGHT_DECAY_S = 9000.0
# Ambient air, hours. n = 1 crystals are gone in days [S]; C5 and C6 spacers last over
# 450 days [S] Spanopoulos, J. Am. Chem. Soc. 2019. One time for the emission, a longer
# one for the lattice. [A]
AIR_EMISSION_H = 90.0
AIR_LATTICE_H = 600.0
AIR_HYDROPHOBIC = 0.35  # per unit of the spacer's logP

# Spread of nominally equal films. ln I 0.39-0.53 and 7 nm are [D], five replicate pairs
# of a published plate (wells); spun films scatter a little less. [A]
LN_YIELD_FILM = 0.30
LN_YIELD_BATCH = 0.18
PEAK_FILM_EV = 0.007
LN_THICKNESS_FILM = 0.04
LN_THICKNESS_BATCH = 0.03
DROP_FILM_S = 0.35
DRYING_BATCH = 0.03  # humidity and solvent vapour of the day
LN_WIDTH_FILM = 0.09
LN_APART_FILM = 0.25
QUALITY_FILM = 0.03
LN_WELL_YIELD = 0.41
LN_WELL_GAIN = 0.42
PEAK_WELL_EV = 0.012
LN_WELL_WIDTH = 0.06
# Pipetting: what stays in the tip, share and spread. [A] 1 % systematic, 0.6 % random
TIP_RETENTION = 0.010
TIP_RETENTION_SPREAD = 0.006
PLACEMENT_LAMP = 0.006  # [A] coupling of the stage, each time a film is placed
PLACEMENT_EMISSION = 0.04

# Detector of the spectrometer. [S] from data sheets of the kind: a full well of 160,000
# electrons fills the range, dynamic range 12,000 to 1, response equal to below 1 %,
# about 1.5 % less at full scale, silicon's thermal electrons double every 7 K; the
# other figures [A].
DETECTOR_GAIN_E = 2.45
DETECTOR_OFFSET_COUNTS = 1200.0
DETECTOR_OFFSET_COUNTS_K = 4.0
DETECTOR_READ_NOISE_COUNTS = 5.5
DETECTOR_DARK_E_S = 220.0
DETECTOR_DARK_DOUBLING_K = 7.0
DETECTOR_DARK_SPREAD = 0.12
DETECTOR_SENSITIVITY_SPREAD = 0.006
DETECTOR_HOT_PIXELS = 9
DETECTOR_HOT_E_S = 40_000.0
DETECTOR_SWING_K = 1.5
DETECTOR_SWING_S = 5400.0
DETECTOR_NONLINEARITY = (1.0, -1.0e-7, -2.0e-12)

# Photoelectrons a second and pixel: the lamp fills 160,000 electrons [S] in about 15
# ms.
LAMP_PEAK_E_S = 9.0e6
LAMP_K = 2850.0  # [M] halogen lamp
LAMP_WARM_UP = 0.02  # [A] missing at the start, gone with the time below
LAMP_WARM_UP_S = 500.0
LAMP_DRIFT = 0.003  # [A] slow swing
LAMP_DRIFT_S = 7000.0
# Electrons a second for one absorbed excitation photon's worth at yield 1, all pixels.
EMISSION_E_S = 2.0e10
LEAK = 2.0e-5  # [A] of the excitation through the long-pass filter, against the above
LEAK_SECOND_ORDER = 0.1
LED_AFTERGLOW = 1.0e-6  # [A] yellow tail of the diode
LED_AFTERGLOW_NM = 560.0
LED_AFTERGLOW_WIDTH_NM = 45.0
STRAY_LIGHT = 6.0e-4  # [M] 0.05-0.10 % in data sheets
PIXEL_NM = 0.43
BANDPASS_FWHM_NM = 1.6  # [M] 25-micrometre slit
WAVELENGTH_OFFSET_NM = 0.20  # [A] spread of the calibration's error
WAVELENGTH_STRETCH_NM = 0.15
# Response of silicon behind a grating: rise, fall (nm). [A]
RESPONSE_RISE_NM = (385.0, 30.0)
RESPONSE_FALL_NM = (820.0, 95.0)
ETALON = 0.015  # [A] ripple of the detector's window
ETALON_NM = 23.0

# Droplets dried in wells. [A] all of it, set so that a published plate of PEA2PbI4,
# BDAPbI4 and FAPbI3 in 8 % steps [D] comes out: dominant peak 550-557 nm up to 16 %
# FAPbI3, 667 at 24 %, 773 at 32 %, 773-791 from 40 % on; intensity a tenth where BDA
# takes the place of PEA; wells of 60 % PEA and more at the reader's ceiling.
WELL_AREA_MM2 = 33.0
WELL_QUALITY = 0.5
WELL_CRYSTALLINE = 0.95
WELL_ROUGHNESS_NM = 60.0
# A cations that find no place between many spacers end as the yellow phase.
WELL_ENTERS = (0.205, 0.006)  # share of lead without spacer, at the onset and its width
WELL_THREE_D = (0.315, 0.018)
WELL_WIDTH = 0.40
WELL_WIDTH_DIAMMONIUM = 0.2
WELL_APART = 0.75
# Share of the red band, and the share of lead with monoammonium where it sets in: wells
# with hardly any emit at 524 nm [D].
WELL_SHOULDER = 0.88
WELL_SHOULDERED = (0.15, 0.015)
WELL_SHIFT_EV = 0.010  # 3D-like grains in wells emit at 773-791 nm [D]
# Two faces of one well read 782 and 535 nm [S]. Without A cations in the layers there
# is nothing to order.
WELL_GRADIENT = 0.97
# Quantum yield with much and with little monoammonium between the layers.
WELL_LN_BARE = -4.0
# [A] of unannealed droplets against spun films, so that ceilinged wells peak on a flank
# at 551-575 nm as published [D].
WELL_LN_YIELD = -1.1
WELL_BRIGHT = (0.40, 0.05)
WELL_LN_DIAMMONIUM = -2.3
# Growth and decay in air, minutes, with little and with much aromatic monoammonium. [D]
# growth to 7-8 times, then 0.24-0.30 of it at 189 min; or to 2.7 times, then 0.66.
WELL_GAIN = (11.8, 4.0)
WELL_GROWTH_MIN = (15.0, 30.0)
WELL_DECAY_MIN = (110.0, 235.0)
# Share of lead with monoammonium, less 0.6 of that with diammonium: onset and width.
WELL_STABLE = (0.15, 0.03)
WELL_UNSETTLES = 0.6

# Plate reader. [S] 20 nm bandpass, 1 nm steps, integer counts, ceiling 99,999, 0-6
# counts of background; [A] the gain.
READER_BANDPASS_NM = 20.0
READER_CEILING = 99_999
READER_BACKGROUND = 3.0
READER_GAIN = 1.0e10
READER_NOISE = 0.010  # of the signal, a flash's
