// The French part of the shop.

import { item } from '../vocabulary.ts';
import type { Vocabulary } from '../vocabulary.ts';

export const french: Vocabulary = {
  language: 'fr',
  share: 0.08,
  offsetMinutes: 60,
  names: ['{noun} {style} {brand}, {colour}', '{brand} – {noun} {style}, coloris {colour}'],
  descriptions: [
    'Avec {feature} et {second}, en {material}, pour {use}.',
    'En {material}, avec {feature} : parfait pour {use}.',
  ],
  queries: ['{noun}', '{noun} {style}', '{noun} pour {use}', '{noun} {colour}'],
  aisles: [
    {
      category: 'Audio',
      items: [
        item('casque audio', 40, 350, 'sans fil', 'à réduction de bruit'),
        item('enceinte Bluetooth', 30, 280, 'portable', 'étanche'),
      ],
      features: [
        '40 heures d’autonomie',
        'des basses profondes',
        'un micro intégré',
        'la charge rapide',
      ],
      materials: ['plastique recyclé', 'aluminium brossé'],
      uses: ['le sport', 'les longs voyages', 'le télétravail'],
    },
    {
      category: 'Footwear',
      items: [
        item('chaussures de course', 60, 200, 'légères', 'amorties'),
        item('bottines', 60, 220, 'en daim', 'à lacets'),
      ],
      features: [
        'une semelle antidérapante',
        'une tige respirante',
        'une semelle intérieure moelleuse',
      ],
      materials: ['cuir pleine fleur', 'polyester recyclé', 'toile de coton'],
      uses: ['l’entraînement quotidien', 'la ville', 'les jours de pluie'],
    },
    {
      category: 'Jackets & Coats',
      items: [
        item('doudoune', 90, 400, 'chaude', 'à capuche'),
        item('imperméable', 50, 240, 'léger', 'long'),
      ],
      features: ['une capuche amovible', 'une doublure chaude', 'de grandes poches zippées'],
      materials: ['duvet d’oie', 'laine mérinos', 'nylon recyclé'],
      uses: ['le grand froid', 'le ski', 'les soirées d’automne'],
    },
    {
      category: 'Kitchen',
      items: [
        item('machine à café', 60, 800, 'automatique', 'à expresso'),
        item('poêle', 20, 130, 'antiadhésive', 'en fonte'),
        item('couteau de cuisine', 25, 180, 'japonais', 'forgé'),
      ],
      features: ['un mousseur à lait', 'une chaleur homogène', 'un manche confortable'],
      materials: ['acier inoxydable', 'céramique', 'bois de hêtre'],
      uses: ['les petites cuisines', 'le petit-déjeuner', 'les passionnés de cuisine'],
    },
    {
      category: 'Beauty & Care',
      items: [
        item('crème visage', 12, 90, 'hydratante', 'anti-âge'),
        item('parfum', 35, 180, 'floral', 'boisé'),
      ],
      features: ['de l’acide hyaluronique', 'des huiles naturelles', 'une formule douce'],
      materials: ['flacon en verre', 'emballage recyclé'],
      uses: ['les peaux sensibles', 'un cadeau', 'tous les matins'],
    },
    {
      category: 'Baby & Pets',
      items: [
        item('poussette', 120, 900, 'pliable', 'tout-terrain'),
        item('doudou', 12, 50, 'musical', 'tout doux'),
      ],
      features: ['une housse lavable', 'des bords arrondis', 'un pliage facile'],
      materials: ['coton bio', 'peluche douce'],
      uses: ['les nouveau-nés', 'les promenades en famille', 'une naissance'],
    },
  ],
};
