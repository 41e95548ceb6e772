"""Molecules as numbers: descriptors and fingerprints of SMILES.

The descriptors are those that studies of which cations form layered perovskites found
informative: length, steric hindrance at the ammonium, polar surface, hydrogen bonding,
branching, rings, flexibility, halogens, number of charges.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.units import FloatArray

FINGERPRINT_BITS = 1024
DESCRIPTOR_NAMES = (
    "mol_wt",
    "length_bonds",
    "max_n_substituents",
    "tpsa",
    "logp",
    "hbd",
    "hba",
    "rotatable_bonds",
    "rings",
    "aromatic_rings",
    "fraction_sp3",
    "kappa2",
    "chi2n",
    "branch_points",
    "halogens",
    "charges",
)
_HALOGENS = frozenset({9, 17, 35, 53})
_NITROGEN = 7
_SMILES_SIGNS = frozenset("[]()=#")

# RDKit writes its complaints to the terminal; the error below carries the reason.
rdBase.DisableLog("rdApp.*")


def parse(smiles: str) -> Chem.Mol:
    """Return the molecule of a SMILES.

    Raises:
        InvalidConfig: RDKit cannot read it, or it holds a blank, behind which RDKit
            takes everything for a name.
    """
    if len(smiles.split()) > 1:
        msg = f"molecule {smiles!r} holds a blank, and a SMILES has none; remove it"
        raise InvalidConfig(msg)
    # RDKit's annotations hide that an unreadable SMILES gives None.
    molecule = cast("Chem.Mol | None", Chem.MolFromSmiles(smiles))
    if molecule is None or molecule.GetNumAtoms() == 0:
        msg = f"molecule {smiles!r} is not a SMILES that RDKit reads, as CCC[NH3+] is"
        raise InvalidConfig(msg)
    return molecule


@lru_cache(maxsize=4096)
def canonical(smiles: str) -> str:
    """Return the one SMILES that RDKit writes for a molecule, however it was given.

    Raises:
        InvalidConfig: RDKit cannot read it.
    """
    return Chem.MolToSmiles(parse(smiles))


def smiles_of(names: Sequence[str]) -> dict[str, str]:
    """Look up spacer abbreviations in the library of spacers; SMILES are taken as such.

    A SMILES has brackets or bonds, as ``CCC[NH3+]`` has: an abbreviation with a slip of
    the pen must not become a molecule.

    Raises:
        InvalidConfig: A name is neither; the message says which.
    """
    from hp_lab.chemistry import spacers  # noqa: PLC0415 - only named choices need it

    found = {}
    for name in names:
        if _SMILES_SIGNS.intersection(name):
            found[name] = name
            continue
        try:
            found[name] = spacers.spacer(name).smiles
        except InvalidInput as error:
            msg = f"a molecule of your own is given as name: SMILES, and {error}"
            raise InvalidConfig(msg) from error
    return found


def twins(choices: Mapping[str, str]) -> tuple[str, str] | None:
    """Return two labels of one molecule, however its SMILES are written.

    Raises:
        InvalidConfig: A SMILES cannot be read.
    """
    known: dict[str, str] = {}
    for label, smiles in choices.items():
        first = known.setdefault(canonical(smiles), label)
        if first != label:
            return first, label
    return None


@lru_cache(maxsize=4096)
def descriptors(smiles: str) -> tuple[float, ...]:
    """Return the descriptors named in DESCRIPTOR_NAMES."""
    molecule = parse(smiles)
    atoms = list(molecule.GetAtoms())
    nitrogens = [a for a in atoms if a.GetAtomicNum() == _NITROGEN]
    heads = [a for a in nitrogens if a.GetFormalCharge() > 0] or nitrogens
    paths = Chem.GetDistanceMatrix(molecule)
    rows = [a.GetIdx() for a in heads] or [0]
    heavy = [a for a in atoms if a.GetAtomicNum() > 1]
    return (
        rdMolDescriptors.CalcExactMolWt(molecule),
        float(paths[rows].max()),
        float(max((a.GetDegree() for a in heads), default=0)),
        rdMolDescriptors.CalcTPSA(molecule),
        rdMolDescriptors.CalcCrippenDescriptors(molecule)[0],
        float(rdMolDescriptors.CalcNumHBD(molecule)),
        float(rdMolDescriptors.CalcNumHBA(molecule)),
        float(rdMolDescriptors.CalcNumRotatableBonds(molecule)),
        float(rdMolDescriptors.CalcNumRings(molecule)),
        float(rdMolDescriptors.CalcNumAromaticRings(molecule)),
        rdMolDescriptors.CalcFractionCSP3(molecule),
        rdMolDescriptors.CalcKappa2(molecule) if len(heavy) > 1 else 0.0,
        rdMolDescriptors.CalcChi2n(molecule),
        float(sum(a.GetDegree() > 2 for a in heavy)),
        float(sum(a.GetAtomicNum() in _HALOGENS for a in heavy)),
        float(sum(max(a.GetFormalCharge(), 0) for a in atoms)),
    )


@lru_cache(maxsize=4096)
def fingerprint(smiles: str) -> FloatArray:
    """Return the Morgan count fingerprint of radius 2, shape (FINGERPRINT_BITS,)."""
    generator = rdFingerprintGenerator.GetMorganGenerator(
        radius=2, fpSize=FINGERPRINT_BITS
    )
    bits = np.zeros(FINGERPRINT_BITS)
    DataStructs.ConvertToNumpyArray(generator.GetCountFingerprint(parse(smiles)), bits)
    bits.flags.writeable = False
    return bits


def descriptor_matrix(choices: Mapping[str, str]) -> FloatArray:
    """Return standardised descriptors (m, d); columns that never vary are left out."""
    return standardised(np.array([descriptors(s) for s in choices.values()]))


def standardised(table: FloatArray) -> FloatArray:
    """Return columns of mean 0 and standard deviation 1, without the constant ones."""
    spread = table.std(axis=0)
    keep = spread > 1e-9 * (1 + np.abs(table).max(axis=0, initial=0.0))
    return np.asarray((table[:, keep] - table[:, keep].mean(axis=0)) / spread[keep])


def principal_components(table: FloatArray, limit: int) -> FloatArray:
    """Return the leading principal components (m, <= limit), first one of variance 1.

    Components keep their relative size, so that the weak ones weigh little.
    """
    if table.size == 0:
        return np.zeros((len(table), 0))
    u, s, _ = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    scores = u * s
    # The sign of a singular vector is arbitrary; fixing it makes runs repeat.
    flip = np.sign(scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])])
    scores = scores * np.where(flip == 0, 1.0, flip)
    kept = min(limit, int((s > 1e-9 * s[0]).sum()))
    return np.asarray(scores[:, :kept] / max(scores[:, 0].std(), 1e-12))


def tanimoto(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return k = <x, y> / (|x|^2 + |y|^2 - <x, y>) for rows of a (m, b) and b (k, b).

    Ralaivola et al., Neural Networks 18 (2005) 1093; positive definite for counts >= 0.
    """
    dot = a @ b.T
    norm = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :]
    return np.asarray(dot / np.maximum(norm - dot, 1e-12))
